"""A day with a few clinics, to be planned without any database."""

from datetime import date, time

from kernel import clock
from runtime.demo_clinic.world import Session, Slot, World

DAY = date(2026, 11, 26)
HOURS = {"morning": (8, 8), "afternoon": (14, 7)}  # first hour, and how many half hours


def session_of(doctor: int, period: str, *, common: int = 4, window: int = 1) -> Session:
    """Give one doctor's half day in a department of grown-ups."""
    first, count = HOURS[period]
    starts = [clock.clinic_instant(DAY, time(first + n // 2, 30 * (n % 2))) for n in range(count)]
    schedule = f"{period}-{doctor}"
    return Session(
        schedule_id=schedule,
        practitioner_id=f"doctor-{doctor}",
        practitioner_code=f"D{doctor:04d}",
        title="attending",
        clinic_code="YX02",
        department_id="department",
        room_id=f"room-{doctor}",
        service_type="general",
        period=period,
        starts_at=starts[0],
        ends_at=starts[-1] + (starts[1] - starts[0]),
        sex=2 if doctor == 1 else None,
        age_min=60 if doctor == 2 else None,
        age_max=0 if doctor == 3 else None,
        latitude=23.13,
        longitude=113.26,
        slots=tuple(Slot(f"{schedule}-{n}", at, common, window) for n, at in enumerate(starts)),
    )


def small_world(doctors: int = 10) -> World:
    """Give a day on which every second doctor has an afternoon, too, and two more beside them."""
    sessions = []
    for doctor in range(1, doctors + 1):
        sessions.append(session_of(doctor, "morning"))
        if doctor % 2 == 0 or doctor > doctors - 3:
            sessions.append(session_of(doctor, "afternoon"))
    return World(DAY, tuple(sessions))
