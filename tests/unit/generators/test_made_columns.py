"""Keys and personal identifiers: found, made up for each row, and nothing of the source kept."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from faker import Faker

from mintage.contracts import KEYS_PER_SHARD, FitContext, SampleRequest, Semantics
from mintage.errors import ConditionError, FitError, SourceError
from mintage.testing import memory_source
from mintage_generators.tabular.codec.checksums import iban_holds, luhn_holds
from mintage_generators.tabular.codec.personal import PersonalKind, personal_kind
from mintage_generators.tabular.marginals.generator import MarginalsGenerator, MarginalsModel

ROWS = 600
SECRET = [
    *("email", "phone", "ssn", "user_name", "address", "zip", "ip", "ip6", "mac", "iban", "card", "url"),
    *("session", "full_name", "order", "ticket", "token", "id", "big"),
]
"""Columns none of whose values may ever be seen again."""


@cache
def shop() -> pa.Table:
    """Orders of 200 customers, some of whom order often: every kind of identifier, and two facts."""
    faker = Faker("en_US")
    faker.seed_instance(0)
    rng = np.random.default_rng(0)
    makers: dict[str, Callable[[], str]] = {
        "first_name": faker.first_name,
        "last_name": faker.last_name,
        "email": lambda: faker.email(safe=False),
        "phone": lambda: faker.numerify("(2##) 5##-####"),
        "ssn": faker.ssn,
        "user_name": faker.user_name,
        "address": faker.street_address,
        "zip": faker.postcode,
        "ip": faker.ipv4,
        "ip6": faker.ipv6,
        "mac": faker.mac_address,
        "iban": faker.iban,
        "card": lambda: faker.credit_card_number("visa16"),
        "url": lambda: f"https://{faker.domain_name()}/{faker.slug()}",
        "session": lambda: str(uuid.UUID(int=faker.random.getrandbits(128))),
    }
    customers = {name: [make() for _ in range(200)] for name, make in makers.items()}
    customers["full_name"] = [
        f"{first} {last}" for first, last in zip(customers["first_name"], customers["last_name"], strict=True)
    ]
    who = np.concatenate([np.arange(200), rng.integers(0, 40, ROWS - 200)])
    table = pa.table({name: pa.array(values).take(pa.array(who)) for name, values in customers.items()})
    made = {
        "order": pa.array([f"A-{number:05}" for number in range(17, 17 + ROWS)]),
        "ticket": pa.array([f"{letter}{digits:05}-X" for letter, digits in _tickets(rng)]),
        "token": pa.array([rng.bytes(12).hex() for _ in range(ROWS)]),
        "id": pa.array(np.arange(ROWS)),
        "big": pa.array(rng.integers(0, 2**63 - 1, ROWS)),
        "amount": pa.array(np.round(rng.gamma(2.0, 30.0, ROWS), 2)),
        "country": pa.array(rng.choice(["NL", "DE", "FR"], ROWS)),
    }
    for name, values in made.items():
        table = table.append_column(name, values)
    return table


def _tickets(rng: np.random.Generator) -> list[tuple[str, int]]:
    numbers = rng.choice(10**5, ROWS, replace=False)
    return [("ABCDEFGHIJ"[number % 10], int(number)) for number in numbers]


def fit(table: pa.Table, options: Mapping[str, object] | None = None) -> MarginalsModel:
    said = {"columns": {"big": {"as": "key"}}} if "big" in table.column_names else {}
    config = MarginalsGenerator.Config.model_validate({**said, **(options or {})})
    return MarginalsGenerator(config).fit(memory_source(table), FitContext(seed=3))


@cache
def shop_model() -> MarginalsModel:
    return fit(shop())


def drawn(model: MarginalsModel, rows: int = 400, shard: int = 0, seed: int = 5) -> pa.RecordBatch:
    request = SampleRequest(seed=seed, shard=shard, batch=0, rows=rows, first_key=shard * KEYS_PER_SHARD)
    return next(model.sample(request)).batch


FAKER = Faker("en_US")
LOOKS: dict[str, tuple[str, Callable[[], str], PersonalKind | None]] = {
    "e-mail by value": ("contact", FAKER.email, PersonalKind.EMAIL_ADDRESS),
    "telephone by value": ("contact", lambda: FAKER.numerify("+4420########"), PersonalKind.PHONE_NUMBER),
    "telephone by name": ("mobilePhone", lambda: FAKER.numerify("06########"), PersonalKind.PHONE_NUMBER),
    "social security number": ("code", FAKER.ssn, PersonalKind.NATIONAL_ID),
    "card by its check digit": ("number", FAKER.credit_card_number, PersonalKind.CREDIT_CARD),
    "digits without one": ("number", lambda: FAKER.numerify("4%############7"), None),
    "account": ("account", FAKER.iban, PersonalKind.IBAN),
    "address of a network": ("host", FAKER.ipv4, PersonalKind.IP_ADDRESS),
    "address of version 6": ("host", FAKER.ipv6, PersonalKind.IP_ADDRESS),
    "time of day": ("host", FAKER.time, None),
    "address of a device": ("device", FAKER.mac_address, PersonalKind.MAC_ADDRESS),
    "given name": ("customerFirstName", FAKER.first_name, PersonalKind.FIRST_NAME),
    "surname": ("SURNAME", FAKER.last_name, PersonalKind.LAST_NAME),
    "bare name of people": ("Name", FAKER.name, PersonalKind.PERSON_NAME),
    "bare name of things": ("name", lambda: f"{FAKER.word().title()} {FAKER.word().title()} Chair", None),
    "a city": ("city", FAKER.city, None),
    "a job": ("job", FAKER.job, None),
    "a date": ("when", FAKER.date, None),
    "street": ("billing_address", FAKER.street_address, PersonalKind.STREET_ADDRESS),
    "postal code": ("postcode", FAKER.postcode, PersonalKind.POSTAL_CODE),
    "login": ("login", FAKER.user_name, PersonalKind.USER_NAME),
    "page": ("profile", FAKER.uri, PersonalKind.URL),
}


@pytest.mark.parametrize(("name", "make", "kind"), LOOKS.values(), ids=list(LOOKS))
def test_a_column_is_recognised_by_its_values_and_its_name(
    name: str, make: Callable[[], str], kind: PersonalKind | None
) -> None:
    FAKER.seed_instance(1)
    assert personal_kind(name, pa.array([make() for _ in range(150)])) == kind


def test_integers_are_personal_only_by_name() -> None:
    numbers = pa.array(np.random.default_rng(0).integers(2_000_000_000, 9_000_000_000, 100))
    assert personal_kind("phone_number", numbers) is PersonalKind.PHONE_NUMBER
    assert personal_kind("population", numbers) is None


def test_a_few_foreign_values_hide_no_identifiers() -> None:
    mails = [f"person{i}@corp.test" for i in range(90)] + ["unknown"] * 9 + [None]
    assert personal_kind("contact", pa.array(mails)) is PersonalKind.EMAIL_ADDRESS


def test_every_identifier_of_the_shop_is_found() -> None:
    made = shop_model().fit_record["made_up"]
    assert isinstance(made, dict)
    assert {*made["keys"], *made["personal"]} == {*SECRET, "first_name", "last_name"}


def test_no_identifier_is_in_the_model_or_in_its_rows() -> None:
    model = shop_model()
    files = b"".join(model.save().values())
    rows = [drawn(model, 3000, shard) for shard in (0, 1, 70_000)]
    for name in SECRET:
        real = set(shop()[name].to_pylist())
        for batch in rows:
            assert not real & set(batch.column(name).to_pylist()), name
        # Shorter texts are found by chance, as the number of some made-up house.
        if pa.types.is_string(shop()[name].type) and name != "zip":
            assert not [value for value in real if value.encode() in files], name


def test_what_is_made_keeps_the_form_of_its_kind() -> None:
    batch = drawn(shop_model())
    for name in ("email", "ip", "ip6", "mac", "iban", "url", "session"):
        assert personal_kind("x", batch.column(name)) == personal_kind("x", shop()[name].combine_chunks())
    assert luhn_holds(batch.column("card")).all()
    assert iban_holds(batch.column("iban")).all()
    for name, form in {"phone": r"^\(\d{3}\) \d{3}-\d{4}$", "ssn": r"^\d{3}-\d{2}-\d{4}$"}.items():
        assert pc.all(pc.match_substring_regex(batch.column(name), form)).as_py()


def test_the_columns_of_a_person_fit_together() -> None:
    batch = drawn(shop_model())
    names = ("first_name", "last_name", "full_name", "email", "user_name")
    for first, last, full, mail, user in zip(*(batch.column(n).to_pylist() for n in names), strict=True):
        plain = [part.lower().replace("'", "") for part in (first, last)]
        assert full == f"{first} {last}"
        assert mail.split("@")[0].split(".")[:2] == plain
        assert user.startswith(plain[0])


def test_rows_of_one_person_hold_the_same_identifiers() -> None:
    frame = pa.table(drawn(shop_model(), 3000)).select(["email", "phone", "ssn", "full_name", "address"])
    assert frame.group_by(frame.column_names).aggregate([]).num_rows == len(frame["email"].unique())


def test_identities_come_back_as_often_as_in_the_source() -> None:
    real = np.sort(pc.value_counts(shop()["email"]).field("counts").to_numpy())
    made = np.sort(pc.value_counts(drawn(shop_model(), 6000).column("email")).field("counts").to_numpy())
    assert (made == 1).mean() == pytest.approx((real == 1).mean(), abs=0.03)
    assert made.mean() == pytest.approx(real.mean(), rel=0.05)
    assert made.max() <= real.max()


def test_different_requests_have_different_people() -> None:
    model = shop_model()
    mails = [set(drawn(model, 500, shard).column("email").to_pylist()) for shard in range(4)]
    assert len(set().union(*mails)) == sum(map(len, mails))


@pytest.mark.parametrize("name", ["order", "ticket", "token", "id", "big", "session"])
def test_keys_are_unique_across_shards(name: str) -> None:
    model, rows = shop_model(), 5000
    parts = [drawn(model, rows, shard).column(name) for shard in (0, 1, 2**20)]
    distinct = len(pa.concat_arrays(parts).unique())
    assert distinct == 3 * rows or name == "session"
    assert model.schema.root_table.column(name).semantics is (
        Semantics.TEXT if name == "session" else Semantics.KEY
    )


def test_unique_uuids_are_keys() -> None:
    values = [str(uuid.UUID(int=i * 2**90 + 2**64)) for i in range(100)]
    model = fit(pa.table({"ref": values, "kind": ["a", "b"] * 50}))
    made = pa.concat_arrays([drawn(model, 3000, shard).column("ref") for shard in (0, 9)])
    assert len(made.unique()) == 6000
    assert pc.all(pc.match_substring_regex(made, "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]")).as_py()


def test_two_workers_make_the_same_rows() -> None:
    model = shop_model()
    other = MarginalsGenerator.load(model.save())
    drawn(other, 100, 3)
    assert drawn(model, 400, 1).equals(drawn(other, 400, 1))


def test_another_seed_makes_other_people() -> None:
    first, second = (drawn(shop_model(), seed=seed).column("full_name").to_pylist() for seed in (1, 2))
    assert first != second


def test_a_narrow_integer_key_becomes_wide() -> None:
    table = pa.table({"n": pa.array(range(100), pa.int16()), "x": [1, 2] * 50})
    model = fit(table, {"columns": {"n": {"as": "key"}}})
    config = MarginalsGenerator.Config.model_validate({"columns": {"n": {"as": "key"}}})
    foreseen = MarginalsGenerator(config).foresee(memory_source(table))
    assert foreseen is not None
    assert model.schema.root_table.column("n").type == foreseen.root_table.column("n").type == pa.int64()


def test_distinct_measurements_are_no_keys() -> None:
    model = fit(pa.table({"population": pa.array(range(1000, 1600)), "x": [1, 2] * 300}))
    assert model.fit_record["made_up"] == {"keys": {}, "personal": {}}


def test_nulls_of_identifiers_keep_their_share() -> None:
    mails = pa.array([f"p{i}@corp.test" for i in range(1000)], mask=np.arange(1000) % 4 == 0)
    batch = drawn(fit(pa.table({"email": mails, "x": [1, 2] * 500})), 4000)
    assert batch.column("email").null_count / 4000 == pytest.approx(0.25, abs=0.03)


def test_two_roles_of_a_kind_are_two_people_who_may_be_the_same_one() -> None:
    rng = np.random.default_rng(0)
    staff = np.array([f"person{i}@corp.test" for i in range(60)])
    sender, receiver = staff[rng.integers(0, 60, 900)], staff[rng.integers(0, 60, 900)]
    receiver = np.where(rng.random(900) < 0.3, sender, receiver)
    names = np.array([f"Ann Person{i}" for i in range(60)])[[int(s[6:-10]) for s in sender]]
    model = fit(
        pa.table({"sender_email": sender, "sender_name": names, "receiver_email": receiver}),
        {"personal": {"columns": {"sender_name": "person_name"}}},
    )
    batch = drawn(model, 2000)
    made = [batch.column(name).to_pylist() for name in ("sender_email", "receiver_email", "sender_name")]
    same = np.mean([a == b for a, b in zip(made[0], made[1], strict=True)])
    assert same == pytest.approx(float((sender == receiver).mean()), abs=0.05)
    assert set(made[1]) <= set(made[0])
    assert len(set(zip(made[0], made[2], strict=True))) == len(set(made[0]))


@pytest.mark.parametrize("fixed", [{"email": "a@b.co"}, {"order": "A-00017"}], ids=["personal", "key"])
def test_a_condition_on_what_is_made_up_is_refused(fixed: dict[str, str]) -> None:
    with pytest.raises(ConditionError, match=r"made up for each row|numbered") as caught:
        shop_model().check(fixed, {})
    assert next(iter(fixed)) in str(caught.value)


def test_a_column_to_keep_is_learned_with_its_rare_values_protected() -> None:
    mails = ["info@corp.test"] * 50 + ["sales@corp.test"] * 50 + ["secret@corp.test"]
    model = fit(pa.table({"email": mails}), {"personal": {"keep": ["email"]}})
    assert set(drawn(model).column("email").to_pylist()) == {"info@corp.test", "sales@corp.test"}


def test_names_of_another_country_can_be_asked_for() -> None:
    table = pa.table({"first_name": ["Ann", "Bob"] * 100})
    model = fit(table, {"personal": {"locale": "ja_JP"}})
    assert not pc.any(pc.string_is_ascii(drawn(model).column("first_name"))).as_py()


def test_an_unknown_country_is_refused() -> None:
    with pytest.raises(SourceError, match="xx_YY"):
        fit(pa.table({"first_name": ["Ann", "Bob"] * 100}), {"personal": {"locale": "xx_YY"}})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("people", "first"), []),
        (("columns", 2, "made", "subject"), 99),
        (("columns", 2, "made", "personal"), "password"),
        (("columns", 3, "made", "pattern", "places"), "qq"),
        (("columns", 3, "made", "pattern", "start"), "-1"),
        (("columns", 0, "made", "kinds"), ["null", "null"]),
        (("subjects", 0, "leader"), 0),
    ],
    ids=[
        "no names",
        "no such subject",
        "no such kind",
        "no such places",
        "below zero",
        "twice",
        "own leader",
    ],
)
def test_an_altered_model_is_refused(path: tuple[str | int, ...], value: object) -> None:
    files = shop_model().save()
    document = json.loads(files["model.json"])
    place = document["codec"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(FitError):
        MarginalsGenerator.load({**files, "model.json": json.dumps(document).encode()})


def test_fakes_stay_out_of_the_domains_and_networks_that_the_source_uses() -> None:
    domains = ["example.com", "example.org", "example.net"]
    table = pa.table(
        {
            "email": [f"ann.lee.{i}@{domains[i % 3]}" for i in range(300)],
            "ip": [f"198.{18 + i % 2}.{i % 250}.{i % 7}" for i in range(300)],
            "user_name": [f"ann_{i}" for i in range(300)],
            "phone": [f"({i}99) 999-9999" for i in range(200, 500)],
        }
    )
    batch = drawn(fit(table), 2000)
    assert pc.all(pc.ends_with(batch.column("email"), ".example")).as_py()
    assert not pc.any(pc.match_substring_regex(batch.column("ip"), r"^198\.1[89]\.")).as_py()
    assert not pc.any(pc.match_substring(batch.column("user_name"), "_")).as_py()
    assert not set(batch.column("phone").to_pylist()) & set(table["phone"].to_pylist())
