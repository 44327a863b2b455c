"""What can be booked: places, people, templates, the calendar, schedules and when whose seats open."""
