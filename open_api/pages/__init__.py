"""The pages that people see in a browser: one layout, one stylesheet, one way to read what they post."""
