from benchmarks.profiler import summary_of_stacks


def test_samples_are_told_by_function_whatever_its_line() -> None:
    stacks = "main (a/b/run.py:1);serve (a/b/c.py:5) 3\nmain (a/b/run.py:2);serve (a/b/c.py:9);send (send) 1\n"

    lines = summary_of_stacks(stacks).splitlines()

    assert lines[0] == "4 samples of a running thread"
    assert lines[3:5] == ["  75.0  serve (b/c.py)", "  25.0  send (send)"]
    assert lines[7:] == [" 100.0  main (b/run.py)", " 100.0  serve (b/c.py)", "  25.0  send (send)"]
