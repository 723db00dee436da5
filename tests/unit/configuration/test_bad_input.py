"""Everything that people and attackers have written into configuration files; each is a fault with a place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.infrastructure.configuration.loading import ParsedConfiguration

Write = Callable[..., Path]
Read = Callable[..., ParsedConfiguration]
Place = tuple[str | None, int | None, int | None]

BAD_YAML: dict[str, tuple[str, int, int, str]] = {
    "tab": ("a:\n\tb: 1\n", 2, 1, "not YAML"),
    "open-bracket": ("provider: [aws\n", 2, 1, "not YAML"),
    "open-quote": ('provider: "aws\n', 2, 1, "not YAML"),
    "two-colons": ("provider: a: b\n", 1, 12, "not YAML"),
    "tag": ("region: !!python/object:os.system x\n", 1, 9, "tags are refused"),
    "short-tag": ("region: !x y\n", 1, 9, "tags are refused"),
    "bare-tag": ("region: ! y\n", 1, 9, "tags are refused"),
    "anchor": ("region: &r eastus\n", 1, 9, "anchors are refused"),
    "undefined-alias": ("region: *r\n", 1, 9, "aliases are refused"),
    "alias-as-key": ("*r : x\n", 1, 1, "aliases are refused"),
    "merge-key": ("components:\n  <<: {rest-api: {}}\n", 2, 3, "merge keys are refused"),
    "duplicate-key": ("region: a\nprovider: aws\nregion: b\n", 3, 1, "written twice"),
    "number-as-key": ("components:\n  1: {}\n", 2, 3, "a key must be text"),
    "boolean-as-key": ("true: x\n", 1, 1, "a key must be text"),
    "list-as-key": ("[a, b]: x\n", 1, 1, "a key must be text"),
    "null-as-key": ("~: x\n", 1, 1, "a key must be text"),
    "list": ("- provider: aws\n", 1, 1, "the top level must be a mapping"),
    "text": ("provider aws\n", 1, 1, "the top level must be a mapping"),
    "two-documents": ("region: a\n---\nregion: b\n", 3, 1, "a second document"),
    "null-byte": ("region: a\0b\n", 1, 10, "control character \\u0000"),
    "escape": ("region: us\nx: \x1b[2J\n", 2, 4, "control character \\u001b"),
    "deep": ("region: " + "[" * 40 + "]" * 40 + "\n", 1, 40, "nested deeper than 32 levels"),
    "empty-variable": (
        "components:\n  rest-api:\n    environment:\n      DB_URL:\n",
        4,
        14,
        "no value",
    ),
    "unknown-key": ("components:\n  rest-api:\n    memroy: 1\n", 3, 5, "unknown key"),
    "long-key": (f"{'x' * 120}: 1\n", 1, 1, "unknown key"),
    "memory-text": ("components:\n  rest-api:\n    memory: 1GB\n", 3, 5, "must be a whole number, not '1GB'"),
    "memory-quoted": ("components:\n  rest-api:\n    memory: '1'\n", 3, 5, "must be a whole number, not '1'"),
    "memory-boolean": ("components:\n  rest-api:\n    memory: true\n", 3, 5, "must be a whole number, not true"),
    "memory-fraction": ("components:\n  rest-api:\n    memory: 1.5\n", 3, 5, "must be a whole number, not 1.5"),
    "memory-exponent": ("components:\n  rest-api:\n    memory: 1e3\n", 3, 5, "must be a whole number, not '1e3'"),
    "memory-endless": (f"components:\n  rest-api:\n    memory: {'9' * 5000}\n", 3, 5, "must be a whole number"),
    "yes": ("monitoring:\n  enabled: yes\n", 2, 3, "must be true or false, not 'yes'"),
    "region-number": ("region: 1\n", 1, 1, "must be text, not 1"),
    "components-list": ("components: [rest-api]\n", 1, 1, "must be a mapping, not a list"),
    "section-text": ("monitoring: on\n", 1, 1, "must be a mapping, not 'on'"),
    "alerts-mapping": ("monitoring:\n  alerts: {type: latency}\n", 2, 3, "must be a list, not a mapping"),
    "alert-type": (
        "monitoring:\n  alerts:\n    - {type: eror_rate, threshold: 1}\n",
        3,
        8,
        "'eror_rate' is not known",
    ),
}


class TestYaml:
    @pytest.mark.parametrize(("text", "line", "column", "message"), BAD_YAML.values(), ids=BAD_YAML)
    def test_is_refused_with_its_place(
        self, write: Write, reading: Read, text: str, line: int, column: int, message: str
    ) -> None:
        write(text)

        fault = reading().faults[0]

        assert (fault.file, fault.line, fault.column) == ("semantest.yaml", line, column)
        assert message in fault.message
        assert len(fault.message) < 200

    def test_names_the_key_that_was_meant_and_those_that_there_are(self, write: Write, reading: Read) -> None:
        write("components:\n  rest-api:\n    memroy: 1\n")

        assert reading().faults[0].hint.startswith("Did you mean 'memory'? Known: source, entry, handler,")

    @pytest.mark.parametrize(
        ("text", "hint"),
        [
            ("components: {websocket: {features: {}}}", "'features' belongs at the top of the file."),
            ("memory: 1024", "'memory' belongs below a component, such as components.rest-api."),
        ],
        ids=["too-deep", "too-high"],
    )
    def test_says_where_a_known_key_belongs(self, write: Write, reading: Read, text: str, hint: str) -> None:
        write(text)

        assert reading().faults[0].hint == hint

    def test_does_not_unfold_an_alias_bomb(self, write: Write, reading: Read) -> None:
        rows = [f"a{row}: &a{row} [{', '.join([f'*a{row - 1}'] * 9)}]" for row in range(1, 20)]

        write("a0: &a0 [x]\n" + "\n".join(rows))

        assert {fault.message for fault in reading().faults} >= {"anchors are refused", "aliases are refused"}

    @pytest.mark.parametrize("row", ["a{}: *a\n", "a{}: 1\n"], ids=["aliases", "unknown-keys"])
    def test_is_not_answered_with_more_faults_than_anyone_reads(self, write: Write, reading: Read, row: str) -> None:
        write("".join(row.format(number) for number in range(20_000)))

        assert len(reading().faults) in (50, 51)

    def test_may_be_nested_ten_thousand_times(self, write: Write, reading: Read) -> None:
        write("a: " + "{a: " * 10_000)

        assert len(reading().faults) == 1

    @pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "{}\n", "\ufeffregion: us-east-1\n"])
    def test_may_say_little(self, write: Write, reading: Read, text: str) -> None:
        write(text)

        assert reading().faults == ()

    def test_counts_lines_of_windows_as_lines(self, folder: Path, reading: Read) -> None:
        (folder / "semantest.yaml").write_bytes(b"region: a\r\nregoin: b\r\n")

        assert [(fault.line, fault.column) for fault in reading().faults] == [(2, 1)]


class TestFile:
    def test_that_is_named_must_exist(self, reading: Read) -> None:
        (fault,) = reading(file=Path("gone.yaml")).faults

        assert (fault.file, fault.message) == ("gone.yaml", "no such file")

    def test_is_not_a_folder(self, folder: Path, reading: Read) -> None:
        (folder / "semantest.yaml").mkdir()

        assert [fault.message for fault in reading().faults] == ["not a file"]

    def test_is_not_a_pipe(self, folder: Path, reading: Read) -> None:
        os.mkfifo(folder / "semantest.yaml")

        assert [fault.message for fault in reading().faults] == ["not a file"]

    @pytest.mark.parametrize("name", ["x" * 300, "a\0b"], ids=["long", "null-byte"])
    def test_has_a_name_that_a_file_can_have(self, reading: Read, name: str) -> None:
        (fault,) = reading(file=Path(name)).faults

        assert fault.file is not None
        assert fault.file.isprintable()

    def test_is_utf8(self, folder: Path, reading: Read) -> None:
        (folder / "semantest.yaml").write_bytes(b"region: a\nx: \xff\n")

        assert [(fault.message, fault.line) for fault in reading().faults] == [("not UTF-8", 2)]

    @pytest.mark.parametrize(("size", "faults"), [(1024 * 1024, 0), (1024 * 1024 + 1, 1)], ids=["mebibyte", "more"])
    def test_has_a_mebibyte_at_most(self, write: Write, reading: Read, size: int, faults: int) -> None:
        write("#" * size)

        assert len(reading().faults) == faults


class TestOverrides:
    @pytest.mark.parametrize(
        ("override", "message"),
        [
            ("region", "'region' has no '='"),
            ("=x", "'' is not a path"),
            ("a..b=1", "'a..b' is not a path"),
            ("../x=1", "'../x' is not a path"),
            ("a b=1", "'a b' is not a path"),
            ("a\nb=1", "'a\\u000ab' is not a path"),
            (".".join("a" * 20) + "=1", "is not a path"),
            ("regoin=1", "unknown key"),
            ("components.rest-api.memory=lots", "must be a whole number, not 'lots'"),
            ("monitoring.alerts=[", "not YAML"),
            ("monitoring.alerts=[*a]", "aliases are refused"),
            ("components.rest-api={a: 1, a: 2}", "written twice"),
            ("region.x.y=1", "must be text, not a mapping"),
        ],
    )
    def test_are_refused(self, reading: Read, override: str, message: str) -> None:
        fault = reading(overrides=[override]).faults[0]

        assert fault.file == "--set"
        assert message in fault.message

    def test_without_a_sign_do_not_repeat_what_may_be_a_secret(self, reading: Read) -> None:
        loaded = reading(overrides=["components.rest-api.environment.DB_PASSWORD.x=hunter2"])

        assert "hunter2" not in str(loaded.faults)


class TestDotenv:
    def test_faults_name_the_line_and_not_its_text(self, write: Write, reading: Read) -> None:
        write("A=1\nhunter2\nB='hunter2\n", ".env")

        faults = reading().faults

        assert [(fault.file, fault.line) for fault in faults] == [(".env", 2), (".env", 3)]
        assert "hunter2" not in str(faults)

    def test_that_is_named_must_exist(self, reading: Read) -> None:
        assert [fault.message for fault in reading(dotenv=Path("gone.env")).faults] == ["no such file"]

    def test_faults_of_settings_name_their_line(self, write: Write, reading: Read) -> None:
        write("# local\nSEMANTEST_COMPONENTS__REST_API__MEMORY=lots\n", ".env")

        assert [(fault.file, fault.line) for fault in reading().faults] == [(".env", 2)]

    def test_faults_of_variables_name_the_variable(self, reading: Read) -> None:
        loaded = reading(environ={"SEMANTEST_COMPONENTS__REST_API__MEMROY": "1"})

        assert [fault.file for fault in loaded.faults] == ["$SEMANTEST_COMPONENTS__REST_API__MEMROY"]
