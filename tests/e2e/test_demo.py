from tests.platform import Hospital, command

STEPS = 14


def test_the_whole_story_holds_and_holds_again(own_hospital: Hospital) -> None:
    """Twice, since the second time finds a hospital that has been used."""
    for _ in range(2):
        told = command(own_hospital.data, "demo").stdout
        assert f"All {STEPS} steps held" in told
        assert told.count(" done in ") == STEPS
        assert "the platform and the HIS agree" in told
    assert own_hospital.status()["micro-his"]["state"] == "running"
