"""Malformed and hostile configuration files: each gives a fault with a position."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.infrastructure.configuration.loading import ParsedConfiguration

WriteFile = Callable[..., Path]
ReadConfiguration = Callable[..., ParsedConfiguration]
Position = tuple[str | None, int | None, int | None]

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
    "unknown-key-without-value": ("componets:\n", 1, 1, "unknown key"),
    "unknown-key-without-value-below": ("components:\n  rest-api:\n    memroy:\n", 3, 5, "unknown key"),
    "unknown-key-without-value-in-a-list": ("monitoring:\n  alerts:\n    - treshold:\n", 3, 7, "unknown key"),
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
    def test_is_refused_with_its_position(
        self, write_file: WriteFile, read: ReadConfiguration, text: str, line: int, column: int, message: str
    ) -> None:
        write_file(text)

        fault = read().faults[0]

        assert (fault.file, fault.line, fault.column) == ("semantest.yaml", line, column)
        assert message in fault.message
        assert len(fault.message) < 200

    def test_suggests_the_nearest_key_and_lists_the_known_ones(
        self, write_file: WriteFile, read: ReadConfiguration
    ) -> None:
        write_file("components:\n  rest-api:\n    memroy: 1\n")

        assert read().faults[0].hint.startswith("Did you mean 'memory'? Known: type, source, entry, handler,")

    @pytest.mark.parametrize(
        ("text", "hint"),
        [
            ("components: {websocket: {features: {}}}", "'features' belongs at the top of the file."),
            ("memory: 1024", "'memory' belongs below a component, such as components.rest-api."),
        ],
        ids=["too-deep", "too-high"],
    )
    def test_hints_where_a_known_key_belongs(
        self, write_file: WriteFile, read: ReadConfiguration, text: str, hint: str
    ) -> None:
        write_file(text)

        assert read().faults[0].hint == hint

    def test_hints_at_the_keys_of_a_section_besides(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        """`database` is a key of components too, but who writes it below `tiers` means another of its keys."""
        write_file("tiers: {database: basic}")

        assert "Known: " in read().faults[0].hint and "sql_database" in read().faults[0].hint

    def test_does_not_expand_an_alias_bomb(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        rows = [f"a{row}: &a{row} [{', '.join([f'*a{row - 1}'] * 9)}]" for row in range(1, 20)]

        write_file("a0: &a0 [x]\n" + "\n".join(rows))

        assert {fault.message for fault in read().faults} >= {"anchors are refused", "aliases are refused"}

    @pytest.mark.parametrize("row", ["a{}: *a\n", "a{}: 1\n"], ids=["aliases", "unknown-keys"])
    def test_limits_the_number_of_faults(self, write_file: WriteFile, read: ReadConfiguration, row: str) -> None:
        write_file("".join(row.format(number) for number in range(20_000)))

        assert len(read().faults) in (50, 51)

    def test_survives_ten_thousand_levels(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("a: " + "{a: " * 10_000)

        assert len(read().faults) == 1

    @pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "{}\n", "\ufeffregion: us-east-1\n"])
    def test_may_be_empty(self, write_file: WriteFile, read: ReadConfiguration, text: str) -> None:
        write_file(text)

        assert read().faults == ()

    def test_counts_windows_line_ends_as_lines(self, folder: Path, read: ReadConfiguration) -> None:
        (folder / "semantest.yaml").write_bytes(b"region: a\r\nregoin: b\r\n")

        assert [(fault.line, fault.column) for fault in read().faults] == [(2, 1)]


class TestFile:
    def test_must_exist_if_named(self, read: ReadConfiguration) -> None:
        (fault,) = read(file=Path("gone.yaml")).faults

        assert (fault.file, fault.message) == ("gone.yaml", "no such file")

    def test_must_not_be_a_folder(self, folder: Path, read: ReadConfiguration) -> None:
        (folder / "semantest.yaml").mkdir()

        assert [fault.message for fault in read().faults] == ["not a file"]

    def test_must_not_be_a_broken_link(self, folder: Path, read: ReadConfiguration) -> None:
        (folder / "semantest.yaml").symlink_to("gone.yaml")

        assert [fault.message for fault in read().faults] == ["a broken symbolic link"]

    def test_must_not_be_a_pipe(self, folder: Path, read: ReadConfiguration) -> None:
        os.mkfifo(folder / "semantest.yaml")

        assert [fault.message for fault in read().faults] == ["not a file"]

    @pytest.mark.parametrize("name", ["x" * 300, "a\0b"], ids=["long", "null-byte"])
    def test_must_have_a_possible_file_name(self, read: ReadConfiguration, name: str) -> None:
        (fault,) = read(file=Path(name)).faults

        assert fault.file is not None
        assert fault.file.isprintable()

    def test_must_be_utf8(self, folder: Path, read: ReadConfiguration) -> None:
        (folder / "semantest.yaml").write_bytes(b"region: a\nx: \xff\n")

        assert [(fault.message, fault.line) for fault in read().faults] == [("not UTF-8", 2)]

    @pytest.mark.parametrize(("size", "faults"), [(1024 * 1024, 0), (1024 * 1024 + 1, 1)], ids=["mebibyte", "more"])
    def test_must_not_exceed_a_mebibyte(
        self, write_file: WriteFile, read: ReadConfiguration, size: int, faults: int
    ) -> None:
        write_file("#" * size)

        assert len(read().faults) == faults


class TestUnreadFiles:
    @pytest.mark.parametrize(
        ("name", "right"),
        [
            ("semantest.yml", "semantest.yaml"),
            ("Semantest.yaml", "semantest.yaml"),
            ("semantest.production.yml", "semantest.production.yaml"),
        ],
    )
    def test_are_named(self, write_file: WriteFile, read: ReadConfiguration, name: str, right: str) -> None:
        write_file("provider: azure\n", name)

        (fault,) = read().faults

        assert (fault.file, fault.hint) == (name, f"Rename it to {right}, or name it with --config.")
        assert read(file=Path(name)).faults == ()

    def test_above_are_named_up_to_the_repository(
        self, folder: Path, read: ReadConfiguration, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inner = folder / "repository" / "services" / "api"
        inner.mkdir(parents=True)
        monkeypatch.chdir(inner)
        (folder / "semantest.yaml").write_text("provider: azure\n")

        (above,) = read().faults
        (folder / "repository" / ".git").mkdir()
        outside = read().faults
        (folder / "repository" / "semantest.yaml").write_text("provider: azure\n")
        (inside,) = read().faults
        (inner / "semantest.yaml").write_text("")

        assert (above.file, outside, inside.file) == ("../../../semantest.yaml", (), "../../semantest.yaml")
        assert "add --config ../../semantest.yaml" in inside.hint
        assert read().faults == ()


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
    def test_are_refused(self, read: ReadConfiguration, override: str, message: str) -> None:
        fault = read(overrides=[override]).faults[0]

        assert fault.file == "--set"
        assert message in fault.message

    def test_without_an_equals_sign_are_not_repeated_in_the_fault(self, read: ReadConfiguration) -> None:
        loaded = read(overrides=["components.rest-api.environment.DB_PASSWORD.x=hunter2"])

        assert "hunter2" not in str(loaded.faults)


class TestDotenv:
    def test_faults_name_the_line_and_not_its_text(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("A=1\nhunter2\nB='hunter2\n", ".env")

        faults = read().faults

        assert [(fault.file, fault.line) for fault in faults] == [(".env", 2), (".env", 3)]
        assert "hunter2" not in str(faults)

    def test_must_exist_if_named(self, read: ReadConfiguration) -> None:
        assert [fault.message for fault in read(dotenv=Path("gone.env")).faults] == ["no such file"]

    def test_faults_of_settings_name_their_line(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("# local\nSEMANTEST_COMPONENTS__REST_API__MEMORY=lots\n", ".env")

        assert [(fault.file, fault.line) for fault in read().faults] == [(".env", 2)]

    def test_faults_of_variables_name_the_variable(self, read: ReadConfiguration) -> None:
        loaded = read(environ={"SEMANTEST_COMPONENTS__REST_API__MEMROY": "1"})

        assert [fault.file for fault in loaded.faults] == ["$SEMANTEST_COMPONENTS__REST_API__MEMROY"]
