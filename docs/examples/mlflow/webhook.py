"""Have an MLflow 3 server tell Freigabe what changes in its registry."""

import os

from mlflow import MlflowClient

MlflowClient().create_webhook(
    name="freigabe",
    url="https://freigabe.bank.example/api/v1/mlflow/webhook",
    events=[
        "model_version.created",
        "model_version_alias.created",
        "model_version_alias.deleted",
        "model_version_tag.set",
        "model_version_tag.deleted",
    ],
    secret=os.environ["FREIGABE_WEBHOOK_SECRET"],
)
