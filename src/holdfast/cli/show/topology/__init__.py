"""`holdfast show topology`: the graph of holdfast.story.topology as text, dot, SVG or JSON. A file per format."""
