"""What there is to know of each cloud before anything of it is loaded: names, regions, and where its parts are.

Here: the entry that describes a cloud, ours and those of other distributions. Not here: any part of a cloud."""
