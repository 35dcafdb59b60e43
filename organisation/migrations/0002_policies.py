"""Row-level security, history and version triggers of organisations, teams and users."""

from django.db import migrations

from crm.core.schema import keep_history, protect, sql_file, touch

OF_VISIBLE_TEAM = "EXISTS (SELECT 1 FROM organisation_team t WHERE t.id = team_id)"
OF_VISIBLE_USER = "EXISTS (SELECT 1 FROM organisation_user u WHERE u.id = user_id)"


class Migration(migrations.Migration):
    """Fails closed: without a scope each of these tables is empty, but for the one user who signs in."""

    dependencies = [("organisation", "0001_initial")]

    operations = [
        *protect("organisation_organisation", organisation="id"),
        *keep_history("organisation_organisation", "organisation_historicalorganisation", organisation="id"),
        *touch("organisation_organisation"),
        *protect("organisation_team"),
        *keep_history("organisation_team", "organisation_historicalteam"),
        *touch("organisation_team"),
        *protect("organisation_user"),
        *keep_history("organisation_user", "organisation_historicaluser"),
        *touch("organisation_user"),
        *protect("organisation_numberrange"),
        *protect("organisation_onetimelink"),
        *protect("organisation_team_leads", OF_VISIBLE_TEAM, organisation=None),
        *protect("organisation_user_groups", OF_VISIBLE_USER, organisation=None),
        *protect("organisation_user_user_permissions", OF_VISIBLE_USER, organisation=None),
        sql_file(
            __file__,
            "people",
            reverse="""
DROP POLICY sign_in_reads ON organisation_user; DROP POLICY sign_in_writes ON organisation_user;
DROP POLICY sign_in_reads ON organisation_organisation; DROP FUNCTION organisation_ids();
""",
        ),
    ]
