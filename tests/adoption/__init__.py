"""The library as another team has it: its wheel in a virtual environment of its own, beside the
team's own module `app`, in a folder that is no checkout of this repository.

conftest.py   builds the wheel, installs it, starts the team's processes
team/         the team's app
"""
