"""Reads from the monitoring of real clouds how the versions that share the traffic of a stack do.

One module for each cloud, with the cloud's own client; nothing here changes anything or decides what follows."""
