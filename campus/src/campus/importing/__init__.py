"""Reads courses that others wrote: mdBook and Carpentries lesson trees."""
