"""What the demo's bank has on its books: models, data, and what each is for."""

from typing import Any

MODELS: dict[str, dict[str, Any]] = {
    "mortgage-approval": {
        "name": "Mortgage approval",
        "purpose": "Proposes approval or refusal of household mortgages.",
        "products": "Household mortgages in Massachusetts",
        "expected_use": "A clerk sees the proposal with its reasons and decides.",
        "actual_use": "As expected; about 2,400 applications a year.",
        "restrictions": "Not for commercial property, not without a clerk.",
        "limitations": "Learned from one city and one year; few self-employed people.",
        "inputs": "Ratios of payments and loan to income and value, credit history, "
        "unemployment in the industry.",
        "outputs": "Probability that the application is refused, 0 to 1.",
        "components": "None; no other model feeds it.",
        "affected_people": "Applicants and their households",
        "ai_system": "Lending desk",
        "jurisdictions": ["US", "US-MA"],
        "ai_act_class": "high-annex-iii",
        "is_model": True,
        "credit": True,
        "dpia_required": True,
    },
    "card-approval": {
        "name": "Credit card approval",
        "purpose": "Decides whether a credit card is granted at once.",
        "products": "Credit cards for private customers",
        "expected_use": "Automatic approval; refusals go to a clerk.",
        "limitations": "No applicants under 18; income as stated, not verified.",
        "inputs": "Derogatory reports, age, income, dependents, months at address.",
        "outputs": "Probability that the card is granted, 0 to 1.",
        "affected_people": "Applicants",
        "ai_system": "Online banking",
        "vendor": "Northwind Scoring",
        "jurisdictions": ["US"],
        "ai_act_class": "high-annex-iii",
        "is_model": True,
        "credit": True,
        "dpia_required": True,
    },
    "staff-cost": {
        "name": "Staff cost forecast",
        "purpose": "Estimates hourly wages for branch budgets.",
        "expected_use": "Yearly budget rounds.",
        "limitations": "Explains a quarter of the variance; never for single people.",
        "inputs": "Years of education and experience, age.",
        "outputs": "Hourly wage in dollars.",
        "affected_people": "Nobody directly",
        "affects_people": False,
        "jurisdictions": ["US"],
        "ai_act_class": "minimal",
        "is_model": True,
        "dpia_required": False,
    },
    "cv-screening": {
        "name": "CV screening",
        "purpose": "Ranks applications for jobs in the branches.",
        "expected_use": "Recruiters read the highest ranks first.",
        "limitations": "Not decided yet.",
        "inputs": "Text of the application.",
        "outputs": "Rank.",
        "affected_people": "Job applicants",
        "vendor": "Northwind Scoring",
        "foundation_model": "embedding model of Northwind",
        "jurisdictions": ["US", "US-NYC"],
        "ai_act_class": "high-annex-iii",
        "is_model": True,
        "aedt": True,
        "aedt_output": "score",
    },
    "collateral-value": {
        "name": "Collateral valuation",
        "purpose": "Estimates the price of a house that secures a loan.",
        "products": "Household mortgages",
        "expected_use": "A second opinion beside the surveyor's.",
        "limitations": "One town, one summer; no houses above 200,000 dollars.",
        "inputs": "Lot size, rooms, storeys, garage.",
        "outputs": "Price in dollars.",
        "affects_people": False,
        "personal_data": False,
        "jurisdictions": ["US"],
        "ai_act_class": "minimal",
    },
    "letter-routing": {
        "name": "Letter routing",
        "purpose": "Sends incoming letters to the right desk.",
        "affects_people": False,
        "jurisdictions": ["US"],
        "ai_act_class": "minimal",
    },
}

# likelihood, impact, residual likelihood and impact, rationale, mitigations
# kind, likelihood, impact, reason; of the mortgage model
SCENARIOS = (
    ("unavailable", 3, 2, "Clerks decide by hand; a day's queue."),
    ("wrong-for-one-case", 4, 4, "A household is refused its home without reason."),
    ("decay", 3, 4, "One city and one year: it ages as rates move."),
    ("people-gone", 2, 3, "Two people know it; its code and data are here."),
)
ASSESSMENTS: dict[str, tuple[int, int, int | None, int | None, str, str]] = {
    "mortgage-approval": (
        4,
        4,
        3,
        3,
        "Wrong refusals are likely in small groups and cost a household its home.",
        "A clerk decides; monthly fairness report; appeal within ten days.",
    ),
    "card-approval": (
        3,
        4,
        None,
        None,
        "Refusals are reviewed by a clerk, wrong approvals cost money.",
        "Limits on the first card; yearly outcomes analysis.",
    ),
    "staff-cost": (
        2,
        1,
        None,
        None,
        "A wrong forecast moves a budget line and is seen within a quarter.",
        "",
    ),
    "cv-screening": (
        4,
        5,
        None,
        None,
        "Names and addresses carry race and gender: field experiments show fewer "
        "calls for the same application.",
        "None yet.",
    ),
    "collateral-value": (
        3,
        3,
        None,
        None,
        "Too high a price lends too much; the surveyor's price is taken when lower.",
        "The lower of both prices counts.",
    ),
}

HMDA_COLUMNS = {
    **dict.fromkeys(("pirat", "hirat", "lvrat", "chist", "mhist", "unemp"), "feature"),
    **dict.fromkeys(
        ("phist", "selfemp", "insurance", "condomin", "hschool"), "feature"
    ),
    "deny": "target",
    "afam": "sensitive",
}
HMDA_LABELS = {
    "pirat": {"en": "Payments to income", "de": "Raten im Verhältnis zum Einkommen"},
    "hirat": {"en": "Housing cost to income", "de": "Wohnkosten zu Einkommen"},
    "lvrat": {"en": "Loan to value", "de": "Darlehen zu Wert der Immobilie"},
    "chist": {"en": "Consumer credit history", "de": "Kreditgeschichte"},
    "mhist": {"en": "Mortgage history", "de": "Geschichte der Hypotheken"},
    "phist": {"en": "Public bad credit record", "de": "Öffentlicher Negativeintrag"},
    "unemp": {
        "en": "Unemployment rate of the industry",
        "de": "Arbeitslosenquote der Branche",
    },
    "selfemp": {"en": "Self-employment", "de": "Selbständigkeit"},
    "insurance": {
        "en": "Denial of mortgage insurance",
        "de": "Ablehnung der Kreditversicherung",
    },
    "condomin": {"en": "Condominium", "de": "Eigentumswohnung"},
    "hschool": {"en": "High school diploma", "de": "Schulabschluss"},
}
HMDA_NUMBER_COLUMNS = {
    **HMDA_COLUMNS,
    "afam": "feature",
    "single": "feature",
    "race": "sensitive",
}
CARD_COLUMNS = {
    **dict.fromkeys(
        ("reports", "age", "income", "dependents", "months", "majorcards"), "feature"
    ),
    "card": "target",
    "selfemp": "sensitive",
}
HOUSE_COLUMNS = {
    **dict.fromkeys(("lotsize", "bedrooms", "bathrooms", "stories"), "feature"),
    "garage": "feature",
    "price": "target",
}
WAGE_COLUMNS = {
    **dict.fromkeys(("education", "experience", "age"), "feature"),
    "wage": "target",
}
