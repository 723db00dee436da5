"""Object stores: packages by their digests, with a folder of the home, and the files of a state that machines share."""
