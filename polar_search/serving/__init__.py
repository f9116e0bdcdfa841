"""Programs put to work: what was found is used where models are used."""
