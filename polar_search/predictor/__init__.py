"""Learning to predict programs, and what that is worth."""
