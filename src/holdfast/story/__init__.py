"""What happened and how things hang together, told across tables. Pure where it can be: rows in, values out."""
