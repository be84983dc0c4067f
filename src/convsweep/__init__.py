"""Train, search and review convolutional networks; see README.md."""
