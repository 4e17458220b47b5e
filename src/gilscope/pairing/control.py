"""What figures must show before they decide: the borders that every question judges its ratios by."""

#: A ceiling whose whole interval is at or above this shows a second CPU; one that is all below it shows that there was
#: none for it.
SECOND_CPU = 1.15
#: From this share of the ceiling on, an arm scales.
SCALES = 0.9
#: Differences smaller than this do not matter to anybody; a wider target widens it.
SAME = 0.02
