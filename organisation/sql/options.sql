-- Global settings belong to no organisation: every scope reads them, and the operator's command alone writes them.
CREATE POLICY global_reads ON organisation_settingvalue FOR SELECT
    USING (organisation_id IS NULL AND (SELECT crm_organisation()) IS NOT NULL);
CREATE POLICY global_writes ON organisation_settingvalue
    USING (organisation_id IS NULL AND current_setting('app.role', true) = 'OPERATOR')
    WITH CHECK (organisation_id IS NULL AND current_setting('app.role', true) = 'OPERATOR');
CREATE POLICY global_reads ON organisation_historicalsettingvalue FOR SELECT
    USING (organisation_id IS NULL AND (SELECT crm_organisation()) IS NOT NULL);
