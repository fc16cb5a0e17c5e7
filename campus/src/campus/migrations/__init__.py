"""The history of the site's tables, one file for each step, run by veche.data.migrations.

One job: be the package whose `versions` folder holds them. A step that is on a released site is never changed again.
"""
