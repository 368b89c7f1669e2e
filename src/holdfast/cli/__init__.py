"""The `holdfast` program: presentation only, what it says comes from the layers below.

    main ── errors, broken pipes, exit codes
     └─ app ── commands, options, help; imports a command's module when it is called
         ├─ show    one noun as a table            ┐ reading: the running node's file,
         ├─ sql     any query                      ├─ or without a node this kernel
         ├─ watch   changes as they happen         ┘
         ├─ run     a node (summary on a terminal, log lines elsewhere)
         └─ care    record, replay, backup, restore, check, doctor

    words    `dev eth0 table 100` ─▶ conditions           looks     which columns a noun has, in `ip`'s words
    spelling numbers <-> names, ifindex <-> ifname        layout    aligned columns      style   colour

Start-up time is a feature: no module here imports rich or asyncio at its top unless its command needs it at once.
"""
