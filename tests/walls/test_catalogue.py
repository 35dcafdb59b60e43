"""Reads the database's own catalogue: no table, view or function may slip past the wall."""

from __future__ import annotations

import pytest
from django.apps import apps

pytestmark = [pytest.mark.wall, pytest.mark.django_db]

OWN_APPS = ("organisation", "outbox", "messaging", "jobs", "customers")

# Tables without an organisation, each with its reason; a stale entry fails.
UNPROTECTED = {
    "auth_group": "library table, unused, empty",
    "auth_group_permissions": "library table, unused, empty",
    "auth_permission": "names of permissions, the same everywhere",
    "axes_accessattempt": "lock-out is counted before anyone is known",
    "axes_accessattemptexpiration": "lock-out is counted before anyone is known",
    "axes_accessfailurelog": "lock-out is counted before anyone is known",
    "axes_accesslog": "lock-out is counted before anyone is known",
    "django_admin_log": "library table; the admin's log is the history",
    "django_content_type": "names of models",
    "django_migrations": "the schema's own history",
    "django_session": "read before anyone is known; the key is the secret",
    "guardian_groupobjectpermission": "library table, unused, empty",
    "guardian_userobjectpermission": "library table, unused, empty",
}

DEFINER_FUNCTIONS = {
    "crm_keep_history": "the application's role only reads history",
    "customers_chain_heads": "who sees a LOCATION sees name and number of its CHAIN; applies the rule itself",
    "customers_index_changed": "search words are written by triggers alone",
    "customers_by_digits": "LIKE is not leakproof; tells visible customers; applies the rule itself",
    "customers_contact_words_changed": "search words are written by triggers alone",
    "customers_contacts_by_digits": "LIKE is not leakproof; tells contacts of visible customers; applies the rule itself",
    "customers_index_contact_words": "search words are written by triggers alone",
    "customers_index_words": "search words are written by triggers alone",
    "customers_keep_choices": "choices are written by triggers alone",
    "customers_project": "the projection sees all source rows, whoever writes",
    "customers_project_changed": "the projection sees all source rows, whoever writes",
    "customers_similar_contact_words": "as customers_similar_words, of contacts",
    "customers_similar_words": "trigram operators are not leakproof; tells words of visible customers; applies the rule itself",
    "customers_stock_pairs": "the scan for duplicates weighs all accounts; gives nothing to a scope that does not see all",
    "customers_twins": "a duplicate hint tells of hidden customers only that there is one; applies the rule itself",
    "messaging_busy_organisations": "the sender asks once for all organisations; tells ids alone",
    "organisation_count_operation": "counts after an operation's transaction, when no scope is set; tells nothing",
    "outbox_connection_at": "the webhook door finds connection and organisation by an address's key before a scope exists",
    "organisation_demo_users": "the sign-in page of a demo names its users before a scope exists",
    "organisation_ids": "schedulers run for each organisation",
    "organisation_link_user": "a one-time link is redeemed before a scope exists; needs the token's digest",
    "organisation_note_token": "the token's own row, whoever its user is; needs the token's digest",
    "organisation_open_token": "a token is opened before a scope exists; needs the token's digest",
    "organisation_redeem_link": "a one-time link is redeemed before a scope exists; needs the token's digest",
    "outbox_due_subscriptions": "senders work for all organisations: ids of those with something due, and no more",
    "outbox_failing_subscriptions": "senders look after all organisations: ids of those that fail for long, and no more",
}


def test_every_table_is_protected_or_excused(owner_db):
    rows = owner_db.execute(
        "SELECT relname, relrowsecurity AND relforcerowsecurity,"
        " EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*')"
        " FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        " AND NOT relname LIKE 'probe%'"  # tables that the tests themselves make
    ).fetchall()
    bare = {name for name, forced, policed in rows if not (forced and policed)}
    assert bare - set(UNPROTECTED) == set()
    assert {name for name in UNPROTECTED if name in {row[0] for row in rows}} - bare == set(), "stale excuse"


def test_views_run_with_the_callers_rights(owner_db):
    rows = owner_db.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
        " AND NOT coalesce(reloptions::text, '') LIKE '%security_invoker=true%'"
        " AND relname NOT LIKE 'pg_stat%'"
    ).fetchall()
    assert rows == []


def test_definer_functions_are_known_and_have_a_search_path(owner_db):
    rows = owner_db.execute(
        "SELECT proname, coalesce(proconfig::text, '') LIKE '%search_path=%' FROM pg_proc"
        " WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    ).fetchall()
    assert {name for name, _fixed in rows} - set(DEFINER_FUNCTIONS) == set()
    assert [name for name, fixed in rows if not fixed] == []


def test_what_writes_past_the_policies_is_the_applications_alone(owner_db):
    (database,) = owner_db.execute("SELECT current_database()").fetchone()
    rows = owner_db.execute(
        "SELECT p.proname, r.rolname FROM pg_proc p, LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
        " LEFT JOIN pg_roles r ON r.oid = a.grantee"
        " WHERE p.pronamespace = 'public'::regnamespace AND a.grantee <> p.proowner"
        " AND p.proname IN ('customers_project', 'customers_index_words', 'customers_index_contact_words')"
    ).fetchall()
    written_past = ("customers_project", "customers_index_words", "customers_index_contact_words")
    assert set(rows) == {(name, f"{database}_app") for name in written_past}


def test_the_application_role_owns_nothing_and_cannot_truncate(owner_db):
    (database,) = owner_db.execute("SELECT current_database()").fetchone()
    role = f"{database}_app"
    assert owner_db.execute(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = %s", [role]
    ).fetchone() == (False, False, False, False)
    assert owner_db.execute("SELECT count(*) FROM pg_class WHERE relowner = %s::regrole", [role]).fetchone() == (0,)
    assert (
        owner_db.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND has_table_privilege(%s, oid, 'TRUNCATE')",
            [role],
        ).fetchall()
        == []
    )


def test_history_is_read_only_for_the_application(owner_db):
    (database,) = owner_db.execute("SELECT current_database()").fetchone()
    writable = owner_db.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE '%%historical%%'"
        " AND has_table_privilege(%s, oid, 'INSERT, UPDATE, DELETE')",
        [f"{database}_app"],
    ).fetchall()
    assert writable == []


def test_every_model_with_history_has_the_triggers(owner_db):
    rows = owner_db.execute(
        "SELECT c.relname, count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE t.tgfoid = 'crm_keep_history'::regproc GROUP BY 1"
    ).fetchall()
    kept = dict(rows)
    models = [model for model in apps.get_models() if hasattr(model, "history")]
    assert len(models) >= 8
    assert {model._meta.db_table: kept.get(model._meta.db_table) for model in models} == {
        model._meta.db_table: 3 for model in models
    }


def test_foreign_roles_read_nothing_of_the_application(owner_db):
    public = owner_db.execute(
        "SELECT relname FROM pg_class c, aclexplode(c.relacl) a WHERE relnamespace = 'public'::regnamespace"
        " AND a.grantee = 0 AND relname NOT LIKE 'pg_stat%'"
    ).fetchall()
    assert public == []


def test_a_history_is_not_indexed_by_its_organisation_alone(owner_db):
    """Without statistics such an index looks cheaper than the row's own: an undo of 2,000 rows then took half a minute."""
    rows = owner_db.execute("SELECT indexdef FROM pg_indexes WHERE tablename LIKE '%historical%'").fetchall()
    assert [index for (index,) in rows if index.endswith("(organisation_id)")] == []
    assert sum(index.endswith("(id)") for (index,) in rows) >= 10
