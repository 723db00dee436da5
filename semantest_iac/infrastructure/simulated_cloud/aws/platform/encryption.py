"""KMS keys and their aliases."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import TypeRule

KEY_TYPE: Final = "aws:kms/key:Key"
KEY_ALIAS_TYPE: Final = "aws:kms/alias:Alias"

ENCRYPTION_TYPES: Final[dict[str, TypeRule]] = {
    KEY_TYPE: AwsType(KEY_TYPE).rule(),
    KEY_ALIAS_TYPE: AwsType(KEY_ALIAS_TYPE, arn="arn:aws:kms:{region}:{account}:{name}").rule(
        computed={"targetKeyArn": "{key[arn]}"},
        exists=Refusal("AlreadyExistsException", "An alias with the name {name} already exists"),
    ),
}
