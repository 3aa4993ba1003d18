"""All kinds of work, in the order of a model's life."""

from django.utils.translation import gettext_lazy as _

from governance.web.work import answering, confirming, deciding, keeping, signing
from governance.web.work.me import Kind

KINDS: tuple[Kind, ...] = (
    Kind("sign", _("To sign"), signing.rows, signing.told),
    Kind("again", _("To mend and submit again"), signing.returned, signing.mended),
    Kind("challenges", _("Challenges"), answering.challenges, answering.challenged),
    Kind("audits", _("Asked by auditors"), answering.audits, answering.asked_of),
    Kind("findings", _("Findings to close"), answering.findings, answering.found),
    Kind("verify", _("To verify"), answering.to_verify, answering.verified),
    Kind("conditions", _("Conditions broken"), keeping.conditions, keeping.broken),
    Kind("waivers", _("Waivers to decide"), deciding.waivers, deciding.asked),
    Kind("emergencies", _("Break-glass"), deciding.emergencies, deciding.called),
    Kind("draws", _("Drawn for review"), deciding.draws, deciding.drawn),
    Kind("retirements", _("Retirements"), deciding.retirements, deciding.retiring),
    Kind("drafts", _("Drafts to publish"), deciding.drafts, deciding.drafted),
    Kind("packs", _("Ends of policy"), confirming.ends, confirming.proposed),
    Kind("early", _("Early adoptions"), confirming.adoptions, confirming.proposed),
    Kind("matrices", _("Matrices"), confirming.matrices, confirming.drawn_up),
    Kind("suspended", _("Suspended"), confirming.suspended, confirming.halted),
    Kind("pipelines", _("Pipelines"), confirming.pipelines, confirming.trusted),
    Kind("places", _("Code servers"), confirming.places, confirming.placed),
    Kind("incidents", _("Incidents to close"), deciding.incidents, deciding.happened),
    Kind("renew", _("To renew"), keeping.ending, keeping.ends),
    Kind("review", _("To review"), keeping.reviews, keeping.reviewed),
    Kind("runs", _("Evidence that failed"), answering.failed, answering.failures),
    Kind("delegations", _("Delegated to you"), deciding.delegated, deciding.lent),
)
