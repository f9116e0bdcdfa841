"""Search on a Ray cluster that may fail: examples are leased to actors, which store what they find.

Everything that imports Ray lives in this room.
"""
