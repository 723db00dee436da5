"""Published prices of the clouds of this distribution, each with its source and date.

Here: price tables, and what of a blueprint each price applies to. Not here: sums, limits and how they are shown.
"""
