"""The `holdfast` program: presentation only, what it says comes from the layers below.

    main ── errors, broken pipes, exit codes
     └─ app ── the commands by name
         └─ commands/ ── a module each: its declaration, and what it does
             │
             ├─ show/ tree/ sql/ shell/ running/     what is more than a module: tables and drawings, the config tree,
             │                                       the prompts, a node's screen
             ├─ asking/                              who answers: the node's file, its socket, this kernel
             ├─ language/                            nouns, filters, orders; numbers and names
             ├─ presentation/                        colour, columns, lines, JSON
             └─ declaring/ terminal/                 help, options and completion; line editing and Ctrl-C

Start-up time is a feature: a command's module is imported when it is called, and none but those that need them at once imports
rich, asyncio or prompt_toolkit at its top.
"""
