"""Any interleaving of statuses, losses and restarts: each run once, and no time invented.

The first half tells of a virtual machine, whose own history is the truth. The second half tells
nonsense, which must at least not break anything.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from math import inf, nan

from hypothesis import example, given, settings, strategies as st

from custom_components.printernizer.engine.drivers.virtual.driver import status_of
from custom_components.printernizer.engine.drivers.virtual.machine import (
    IN_JOB,
    Fault,
    Phase,
    PlateFacts,
    Run,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.job import (
    CLOSING,
    Certainty,
    DurationSource,
    Job,
    JobEvent,
    JobEventKind,
    Outcome,
)
from custom_components.printernizer.engine.memory import Lost, Memory, Observation, Quiet, Seen
from custom_components.printernizer.engine.printer import CurrentJob, PrinterState, PrinterStatus
from custom_components.printernizer.engine.store import codec
from custom_components.printernizer.engine.tracking import expire, observe

from .story import BEGINNING

POLL = 5.0
TRUE_OUTCOME = {
    Phase.FINISHED: Outcome.COMPLETED,
    Phase.FAILED: Outcome.FAILED,
    Phase.CANCELLED: Outcome.CANCELLED,
}


class World:
    """A machine, a line to it, and us."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.machine = VirtualMachine(now=lambda: self.seconds, boot_s=20.0)
        for name, plate_s in (("/a.gcode", 60.0), ("/b.gcode", 400.0)):
            self.machine.store(
                VirtualFile(path=name, plates=(PlateFacts(seconds=plate_s, tool_c=40, bed_c=30),))
            )
        self.memory = Memory(printer_id="V")
        self.events: list[JobEvent] = []
        self.told: list[Observation] = []
        self.up = False
        self.away = False
        """We do not look: switched off, or our own network is down."""
        self.seen_active: set[str] = set()
        self.restarts: list[int] = []

    def tell(self, observation: Observation) -> None:
        self.told.append(observation)
        self.memory, events = observe(self.memory, observation)
        self.events += events

    def poll(self) -> None:
        at = BEGINNING + timedelta(seconds=self.seconds)
        if self.away or not self.machine.reachable:
            if self.up and not self.away:
                self.tell(Lost(at=at, monotonic=self.seconds))
            self.up = False
            return
        status = status_of(self.machine)
        if status.active and status.job is not None and status.job.id is not None:
            self.seen_active.add(status.job.id)
        self.tell(Seen(status=status, at=at, monotonic=self.seconds, first=not self.up))
        self.up = True

    def wait(self, polls: int) -> None:
        for _ in range(polls):
            self.seconds += POLL
            self.poll()

    def leave(self, *, killed: bool) -> None:
        """Stop looking; `killed`: without noticing, and only what was written is left."""
        if not killed and self.up:
            at = BEGINNING + timedelta(seconds=self.seconds)
            self.tell(Lost(at=at, monotonic=self.seconds))
        if killed:
            self.restarts.append(len(self.told))
            self.memory = restarted(self.memory)
        self.up, self.away = False, True

    def come_back(self) -> None:
        self.away = False
        self.poll()

    @property
    def truth(self) -> dict[str, Run]:
        runs = {str(run.id): run for run in self.machine.history}
        if self.machine.run is not None:
            runs.setdefault(str(self.machine.run.id), self.machine.run)
        return runs


def restarted(memory: Memory) -> Memory:
    """Write the memory down and read it again, as a restart does."""
    return codec.memory_of(
        memory.printer_id, codec.memory_text(memory), memory.run.job if memory.run else None
    )


ACTIONS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 90)),
    st.tuples(st.just("wait"), st.integers(1, 6)),
    st.tuples(st.just("start"), st.sampled_from(["/a.gcode", "/b.gcode"])),
    st.sampled_from(
        [
            ("pause", None),
            ("resume", None),
            ("cancel", None),
            ("acknowledge", None),
            ("dismiss", None),
            ("drop", None),
            ("kill", None),
            ("return", None),
        ]
    ),
    st.tuples(st.just("fault"), st.sampled_from([*Fault])),
)


def act(world: World, verb: str, what: object) -> None:
    """Let something happen, then look."""
    machine = world.machine
    with suppress(Refused):
        match verb, what:
            case "wait", int(polls):
                world.wait(polls)
            case "start", str(path):
                machine.start(path)
            case "drop" | "kill", _:
                world.leave(killed=verb == "kill")
            case "return", _:
                world.come_back()
            case "fault", Fault() as fault:
                machine.inject(fault, seconds=40)
            case _:
                getattr(machine, verb)()
    world.seconds += 1.0
    world.poll()


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTIONS, max_size=40))
def test_the_ledger_agrees_with_the_machine(actions: list[tuple[str, object]]) -> None:
    """Whoever bills by the ledger bills what was printed."""
    world = World()
    world.wait(15)
    for verb, what in actions:
        act(world, verb, what)
    world.come_back()
    world.wait(80)
    active = world.machine.phase in IN_JOB and world.machine.reachable
    assert (world.memory.run is not None) == active
    world.memory, events = expire(world.memory, BEGINNING + timedelta(seconds=world.seconds), "end")
    world.events += events
    each_run_is_told_once(world.events)
    jobs = closed(world.events)
    ids = Counter(job.identity.printer_job_id for job in jobs)
    assert set(ids) <= set(world.truth), "a run was invented"
    assert all(count == 1 for count in ids.values()), "a run was doubled"
    assert world.seen_active <= set(ids), "a run that was seen is missing"
    for job in jobs:
        is_true(job, world.truth[job.identity.printer_job_id or ""], world)
    times = [event.at for event in world.events]
    assert times == sorted(times)
    assert replayed(world) == world.events[: len(world.events) - len(events)]


def is_true(job: Job, truth: Run, world: World) -> None:
    """Compare a row with what happened."""
    ended = world.seconds if truth.ended is None else truth.ended
    started = BEGINNING + timedelta(seconds=truth.started)
    slack = timedelta(seconds=POLL + 2)
    if job.certainty is Certainty.REPORTED:
        assert truth.outcome is not None
        assert job.outcome is TRUE_OUTCOME[truth.outcome]
    if job.started_at is not None:
        # A start derived from the printer's clock, which counts printing only, may be late.
        assert job.started_at >= started - slack
    if job.ended_at is not None:
        end = BEGINNING + timedelta(seconds=ended)
        assert end <= job.ended_at <= end + slack
    if job.duration is not None:
        assert timedelta(0) <= job.duration <= timedelta(seconds=ended - truth.started) + slack
        assert job.outcome is not Outcome.UNKNOWN or job.ended_at is not None
    if job.paused is not None:
        assert job.duration is not None
        assert timedelta(0) <= job.paused <= job.duration
    assert (job.duration is None) == (job.duration_source is DurationSource.UNKNOWN)


def each_run_is_told_once(events: list[JobEvent]) -> None:
    """Started first, closed last, both once, nothing after."""
    of_run: dict[object, list[JobEvent]] = {}
    for event in events:
        of_run.setdefault(event.job.id, []).append(event)
    for told in of_run.values():
        kinds = [event.kind for event in told]
        assert kinds[0] is JobEventKind.STARTED
        assert kinds.count(JobEventKind.STARTED) == 1
        assert kinds[-1] in CLOSING
        assert sum(kind in CLOSING for kind in kinds) == 1
        assert told[-1].job.outcome is not None
        assert all(event.job.open for event in told[:-1])
    last: object = None
    for event in events:
        # One printer has one run at a time: the next begins after the last was closed.
        if event.kind is JobEventKind.STARTED:
            assert last is None
            last = event.job.id
        assert event.job.id == last
        if event.kind in CLOSING:
            last = None


def closed(events: list[JobEvent]) -> list[Job]:
    return [event.job for event in events if event.kind in CLOSING]


def replayed(world: World) -> list[JobEvent]:
    memory, events = Memory(printer_id="V"), []
    for number, observation in enumerate(world.told):
        if number in world.restarts:
            memory = restarted(memory)
        memory, new = observe(memory, observation)
        events += new
    return events


# -- nonsense ----------------------------------------------------------------------------------

WORDS = st.sampled_from([None, "a", "b", "\x00", "\ud800"])
JOBS = st.none() | st.builds(
    CurrentJob,
    id=st.sampled_from([None, None, "1", "2", "3"]),
    name=WORDS,
    path=WORDS,
    plate=st.sampled_from([None, 1, 2, -1, 10**30]),
    progress=st.sampled_from([None, 0.0, 0.05, 0.6, 0.995, 1.0, -1.0, 7.0, nan, inf]),
    layer=st.sampled_from([None, 0, 5, 10**30, -1]),
    elapsed=st.sampled_from([None, *map(timedelta, (0, 1 / 1440, -1, 400, 10**6))]),
)
STATUSES = st.builds(PrinterStatus, state=st.sampled_from([*PrinterState]), job=JOBS)
STEPS = st.tuples(
    st.sampled_from(["seen"] * 8 + ["lost", "quiet", "restart"]),
    STATUSES,
    st.booleans(),
    st.sampled_from([0.0, 1.0, 30.0, 400.0, 90_000.0]),
    st.sampled_from([0.0] * 6 + [-86_400.0, 3600.0, 4e8]),
)


PREPARING = PrinterStatus(state=PrinterState.PREPARING)
IDLE = PrinterStatus(state=PrinterState.IDLE)


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, max_size=25))
@example(  # The clock was set just before the line broke.
    [
        ("seen", IDLE, False, 0.0, 0.0),
        ("seen", PREPARING, False, 0.0, 0.0),
        ("lost", IDLE, False, 0.0, 4e8),
        ("seen", PREPARING, False, 0.0, 0.0),
        ("seen", IDLE, False, 0.0, 0.0),
    ]
)
def test_nonsense_never_breaks_the_rules(
    steps: list[tuple[str, PrinterStatus, bool, float, float]],
) -> None:
    """What comes from a printer, and from its clock, is untrusted."""
    memory, events, at, monotonic = Memory(printer_id="N"), [], BEGINNING, 0.0
    for verb, status, first, passed, jumped in steps:
        at += timedelta(seconds=passed + jumped)
        monotonic += passed
        observation: Observation
        if verb == "restart":
            memory = restarted(memory)
            monotonic = passed
            continue
        if verb == "seen":
            observation = Seen(status=status, at=at, monotonic=monotonic, first=first)
        else:
            observation = (Lost if verb == "lost" else Quiet)(at=at, monotonic=monotonic)
        after, new = observe(memory, observation)
        assert observe(memory, observation) == (after, new), "it depends on nothing else"
        memory = after
        events += new
    memory, new = expire(memory, at, "end")
    events += new
    assert memory.run is None
    each_run_is_told_once(events)
    for event in events:
        codec.job_text(event.job).encode()
        assert replace(event.job) == event.job
    for job in closed(events):
        assert job.duration is None or timedelta(0) <= job.duration <= timedelta(days=366)
        assert job.paused is None or timedelta(0) <= job.paused
        assert job.progress is None or 0.0 < job.progress <= 1.0
    assert len({job.id for job in closed(events)}) == len(closed(events)), "ids are unique"
