"""One module per component or action: an event in, one service call, events out."""
