"""The points of Annex IV of the EU AI Act, and where a dossier answers each.

Regulation (EU) 2024/1689 as amended by (EU) 2026/1744, which left Annex IV unchanged
(design/regulation.md, 1.5). The wording is ours.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_noop


@dataclass(frozen=True)
class Part:
    """Something that answers a point: a field, a declaration, or recorded facts.

    `kind` is "field", "declared" or "fact"; `name` that of the field, the kind of
    declaration or the fact; `field` narrows a declaration to one of its fields.
    """

    kind: str
    name: str
    field: str = ""


@dataclass(frozen=True)
class Point:
    """A point: its number, what it asks for, and the parts that answer it."""

    number: str
    asks: str
    parts: tuple[Part, ...] = ()


def _fields(*names: str) -> tuple[Part, ...]:
    return tuple(Part("field", name) for name in names)


def _facts(*names: str) -> tuple[Part, ...]:
    return tuple(Part("fact", name) for name in names)


def _declared(kind: str, field: str = "") -> tuple[Part, ...]:
    return (Part("declared", kind, field),)


# The heading of each point, and the field of the declared document that is about it.
HEADINGS = (
    ("1", gettext_noop("General description of the AI system"), "general_description"),
    ("2", gettext_noop("Elements of the AI system and its development"), "elements"),
    ("3", gettext_noop("Monitoring, functioning and control"), "monitoring"),
    ("4", gettext_noop("Appropriateness of the performance metrics"), "metrics"),
    ("5", gettext_noop("Risk management system"), "risk_management"),
    ("6", gettext_noop("Changes through the lifecycle"), "changes"),
    ("7", gettext_noop("Harmonised standards and other solutions"), "standards"),
    ("8", gettext_noop("EU declaration of conformity"), "declaration"),
    ("9", gettext_noop("Post-market monitoring"), "post_market"),
)
POINTS = (
    Point(
        "1(a)",
        gettext_noop(
            "Intended purpose, name of the provider, version and its relation to "
            "previous versions"
        ),
        (
            *_fields("purpose"),
            *_declared("declaration_of_conformity", "provider"),
            *_facts("versions"),
        ),
    ),
    Point(
        "1(b)",
        gettext_noop("Interaction with hardware or software that is not part of it"),
        _fields("ai_system", "components"),
    ),
    Point(
        "1(c)",
        gettext_noop("Versions of relevant software or firmware"),
        _facts("environment"),
    ),
    Point(
        "1(d)",
        gettext_noop("Forms in which it is placed on the market or put into service"),
        _facts("files"),
    ),
    Point("1(e)", gettext_noop("Hardware on which it is intended to run")),
    Point(
        "1(f)",
        gettext_noop(
            "Photographs or illustrations, where it is a component of products"
        ),
    ),
    Point("1(g)", gettext_noop("Basic description of the user interface")),
    Point(
        "1(h)",
        gettext_noop("Instructions for use for the deployer"),
        _declared("instructions_for_use"),
    ),
    Point(
        "2(a)",
        gettext_noop(
            "Methods and steps of development, use of third parties' systems or tools"
        ),
        (
            *_facts("method", "run"),
            *_fields("third_party_components"),
            *_declared("development_document"),
        ),
    ),
    Point(
        "2(b)",
        gettext_noop(
            "Design specifications: logic, key design choices with rationale and "
            "assumptions, trade-offs"
        ),
        (*_fields("inputs", "outputs"), *_declared("development_document")),
    ),
    Point(
        "2(c)",
        gettext_noop("System architecture and computational resources"),
        (*_facts("method"), *_declared("development_document")),
    ),
    Point(
        "2(d)",
        gettext_noop("Data requirements: datasheets, provenance, labelling, cleaning"),
        (*_facts("data"), *_declared("datasheet")),
    ),
    Point(
        "2(e)",
        gettext_noop("Assessment of the human oversight measures"),
        _declared("oversight_plan"),
    ),
    Point(
        "2(f)",
        gettext_noop("Pre-determined changes of the system and its performance"),
        _declared("change_record", "predetermined_change"),
    ),
    Point(
        "2(g)",
        gettext_noop(
            "Validation and testing: data, metrics, test logs and reports, dated and "
            "signed by the responsible persons"
        ),
        (
            *_facts("performance", "fairness"),
            *_declared("test_plan"),
            *_declared("test_report"),
        ),
    ),
    Point(
        "2(h)",
        gettext_noop("Cybersecurity measures"),
        _declared("security_test_report"),
    ),
    Point(
        "3",
        gettext_noop(
            "Capabilities and limits, accuracy by groups of people, foreseeable "
            "unintended outcomes, oversight, specifications of input data"
        ),
        (
            *_fields("limitations", "inputs"),
            *_facts("fairness"),
            *_declared("accuracy_declaration"),
            *_declared("oversight_plan"),
        ),
    ),
    Point(
        "4",
        gettext_noop("Why the performance metrics are appropriate for this system"),
        (*_facts("performance"), *_declared("test_plan", "metrics")),
    ),
    Point(
        "5",
        gettext_noop("The risk management system (Article 9)"),
        (*_facts("risk"), *_declared("risk_management_file")),
    ),
    Point(
        "6",
        gettext_noop("Relevant changes that the provider made through the lifecycle"),
        (*_facts("versions"), *_declared("change_record")),
    ),
    Point(
        "7",
        gettext_noop(
            "Harmonised standards applied, or the solutions adopted instead of them"
        ),
        _declared("declaration_of_conformity", "standards"),
    ),
    Point(
        "8",
        gettext_noop("A copy of the EU declaration of conformity (Article 47)"),
        _declared("declaration_of_conformity"),
    ),
    Point(
        "9",
        gettext_noop(
            "The system to evaluate performance after placing on the market, with the "
            "post-market monitoring plan (Article 72)"
        ),
        _declared("pmm_plan"),
    ),
)
