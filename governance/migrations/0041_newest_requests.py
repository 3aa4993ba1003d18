from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0040_forge_secrets"),
        ("registry", "0006_models_of_versions"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="approvalrequest",
            index=models.Index(
                fields=["-requested_at", "-sequence"], name="newest_requests"
            ),
        ),
    ]
