from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0005_reported_runs"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(
                fields=["id"], include=("model",), name="models_of_versions"
            ),
        ),
    ]
