"""Indexes of the hot projection that hold what filters and policies compare: anti-correlated filters stay fast."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Each sort walks its index alone; the owner's index holds all sorts."""

    dependencies = [
        ('customers', '0004_chain_heads'),
        ('organisation', '0003_accounts'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_name',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_owner',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_status',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_business',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_sample',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_roi',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_renewal',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_contact',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_order',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_appointment',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_opportunity',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_season',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_city',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_postcode',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_number',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_type',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_kitchen',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_source',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_created',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_expected',
        ),
        migrations.RemoveIndex(
            model_name='customerhot',
            name='hot_by_actual',
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'name_key', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_name'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'owner', 'customer'], include=('name_key', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'last_contact_at', 'last_order_at', 'next_appointment_at', 'open_opportunity_cents', 'season_now', 'city_key', 'postcode', 'customer_number', 'account_type', 'kitchen_size', 'lead_source', 'created_at', 'expected_volume_cents', 'actual_volume_cents', 'chain_id'), name='hot_by_owner'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'status', 'customer'], include=('owner', 'chain_id', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_status'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'business_type', 'customer'], include=('owner', 'chain_id', 'status', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_business'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'sample_status', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_sample'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'roi_bucket', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'renewal_date', 'account_type', 'season_now'), name='hot_by_roi'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'renewal_date', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'account_type', 'season_now'), name='hot_by_renewal'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'last_contact_at', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_contact'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'last_order_at', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_order'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'next_appointment_at', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_appointment'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'open_opportunity_cents', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_opportunity'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'season_now', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type'), name='hot_by_season'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'city_key', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_city'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'postcode', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_postcode'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'customer_number', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_number'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'account_type', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'season_now'), name='hot_by_type'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'kitchen_size', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_kitchen'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'lead_source', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_source'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'created_at', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_created'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'expected_volume_cents', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_expected'),
        ),
        migrations.AddIndex(
            model_name='customerhot',
            index=models.Index(fields=['organisation', 'actual_volume_cents', 'customer'], include=('owner', 'chain_id', 'status', 'business_type', 'sample_status', 'roi_bucket', 'renewal_date', 'account_type', 'season_now'), name='hot_by_actual'),
        ),
    ]
