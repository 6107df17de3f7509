"""`python -m qeopt`: the command line."""

from qeopt.cli.app import main

if __name__ == "__main__":
    main()
