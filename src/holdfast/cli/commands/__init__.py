"""The commands, a module each: how it is declared, and what it does. A module is imported when its command is wanted.

    show sql watch log diff      look          backup check           the file (and restore, doctor)
    run source                   the node      record replay          take it along
    change                       add set replace del batch undo       shell completion     the program itself
    tree                         get put rm … edit, and `holdfast tree`
"""
