"""The shell: an interactive Python with objects that command a fleet (``galileo shell``), and the same objects for scripts
(``galileo.shell.shell.init``)."""
name = "shell"
