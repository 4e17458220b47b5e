"""The order in which the arms of a round are timed.

What ran before a sample is seen in it: a thread pool timed straight after an OpenMP loop read a quarter slower than
after itself. A pause between samples does more harm than that, so the order has to be the cure. In a Williams square
every arm comes directly after every other arm equally often, and stands at every place of a round equally often:
what an arm suffers from its predecessor and from its place is then no longer a matter of luck.

References
----------
E. J. Williams (1949). Experimental designs balanced for the estimation of residual effects of treatments.
Australian Journal of Scientific Research, Series A, 2, 149-168. https://doi.org/10.1071/CH9490149
"""

from random import Random


def orders(n_arms: int, rng: Random) -> list[tuple[int, ...]]:
    """Draw one block of rounds, balanced for place and for first-order carry-over.

    Parameters
    ----------
    n_arms : int
        How many arms a round holds, at least 1.
    rng : Random
        Source of the shuffle and of the labels; a recorded seed gives the same blocks again.

    Returns
    -------
    list of tuple of int
        The rounds in the order to run them, each a permutation of ``range(n_arms)``: `n_arms` rounds if that number
        is even and ``2 * n_arms`` if it is odd, which Williams's construction needs. Within the rounds of a
        block, each arm directly follows each other arm once (even) or twice (odd).

    Raises
    ------
    ValueError
        If there is no arm.

    Notes
    -----
    The balance holds inside rounds. From the last arm of one round to the first of the next, an arm may follow itself;
    the untimed lead-in call before each sample is there for that.

    Examples
    --------
    >>> sorted(orders(2, Random(1)))
    [(0, 1), (1, 0)]
    """
    if n_arms < 1:
        raise ValueError(f"n_arms must be at least 1, got {n_arms}")
    labels = list(range(n_arms))
    rng.shuffle(labels)
    # 0, 1, -1, 2, -2, ...: modulo an even n, the steps between neighbours are 1 .. n-1, each once. Shifting the row
    # keeps its steps, so n shifts hold every ordered pair once. Modulo an odd n a step comes twice and its negative
    # not at all, which the reversed rows make up for.
    zigzag = [(place + 1) // 2 if place % 2 else -(place // 2) for place in range(n_arms)]
    rows = [tuple(labels[(step + shift) % n_arms] for step in zigzag) for shift in range(n_arms)]
    if n_arms % 2:
        rows += [row[::-1] for row in rows]
    rng.shuffle(rows)
    return rows
