"""From where each deployed resource of a platform is reached, by its properties alone.

Sources: the clouds' pages on the properties that are read here, and on the addresses that every service of AWS has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from semantest_iac.domain.blueprints.public_access import Reach
from semantest_iac.domain.resource import DeployedResource

Properties = Mapping[str, Any]
Resources = Sequence[DeployedResource]
_ReadReach = Callable[[DeployedResource, Resources], Reach]


def _always(reach: Reach) -> _ReadReach:
    return lambda *_: reach


def _everybody_if(is_open: Callable[[Properties], bool], otherwise: Reach) -> _ReadReach:
    return lambda it, _: Reach.EVERYBODY if is_open(it.inputs) else otherwise


def _admits_everybody(properties: Properties) -> bool:
    """Whether a policy allows what anybody asks for, from wherever."""
    statements = json.loads(properties["policy"])["Statement"]
    anybody = ("*", {"AWS": "*"}, {"AWS": ["*"]})
    return any(it["Effect"] == "Allow" and it["Principal"] in anybody and not it.get("Condition") for it in statements)


def _read_bucket(bucket: DeployedResource, resources: Resources) -> Reach:
    """A bucket keeps out whatever would open it to everybody."""
    blocks = (it.inputs for it in resources if it.type == "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    is_closed = any(it["bucket"] == bucket.id and all(it.get(key) for key in switches) for it in blocks)
    return Reach.IDENTITY if is_closed else Reach.EVERYBODY


def _find_name(*prefixes: str) -> Callable[[DeployedResource], bool]:
    return lambda it: it.name.startswith(prefixes)


_AWS: Mapping[str, tuple[str, _ReadReach]] = {
    "aws:acm/certificate:Certificate": ("site", _always(Reach.EVERYBODY)),
    "aws:apigateway/restApi:RestApi": (
        "gateway",
        lambda it, _: (
            Reach.NETWORK
            if (it.inputs.get("endpointConfiguration") or {}).get("types") == "PRIVATE"
            else Reach.EVERYBODY
        ),
    ),
    "aws:apigatewayv2/domainName:DomainName": ("gateway", _always(Reach.EVERYBODY)),
    "aws:cloudfront/distribution:Distribution": ("site", _everybody_if(lambda it: it["enabled"], Reach.NETWORK)),
    "aws:cloudwatch/logGroup:LogGroup": ("logs and traces", _always(Reach.IDENTITY)),
    "aws:dynamodb/table:Table": ("tables", _always(Reach.IDENTITY)),
    "aws:ec2/eip:Eip": (
        "NAT gateway",
        lambda it, every: Reach.NETWORK if _is_of_nat_gateway(it, every) else Reach.EVERYBODY,
    ),
    "aws:ec2/natGateway:NatGateway": ("NAT gateway", _always(Reach.NETWORK)),
    "aws:ec2/subnet:Subnet": (
        "NAT gateway",
        _everybody_if(lambda it: bool(it.get("mapPublicIpOnLaunch")), Reach.NETWORK),
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("NAT gateway", _always(Reach.NETWORK)),
    "aws:ecr/repository:Repository": ("images", _always(Reach.IDENTITY)),
    "aws:ecs/service:Service": (
        "services",
        _everybody_if(lambda it: bool(it["networkConfiguration"].get("assignPublicIp")), Reach.NETWORK),
    ),
    "aws:elasticache/serverlessCache:ServerlessCache": ("cache", _always(Reach.NETWORK)),
    "aws:kms/key:Key": ("secrets", _always(Reach.IDENTITY)),
    "aws:lambda/function:Function": ("functions", _always(Reach.IDENTITY)),
    "aws:lambda/functionUrl:FunctionUrl": (
        "functions",
        _everybody_if(lambda it: it["authorizationType"] == "NONE", Reach.IDENTITY),
    ),
    "aws:lambda/permission:Permission": (
        "functions",
        _everybody_if(lambda it: it["principal"] == "*", Reach.IDENTITY),
    ),
    "aws:lb/loadBalancer:LoadBalancer": ("services", _everybody_if(lambda it: not it.get("internal"), Reach.NETWORK)),
    "aws:networkfirewall/firewall:Firewall": ("firewall", _always(Reach.NETWORK)),
    "aws:rds/instance:Instance": (
        "SQL server",
        _everybody_if(lambda it: bool(it.get("publiclyAccessible")), Reach.NETWORK),
    ),
    "aws:route53/zone:Zone": ("site", _always(Reach.EVERYBODY)),
    "aws:s3/bucket:Bucket": ("buckets", _read_bucket),
    "aws:s3/bucketPolicy:BucketPolicy": ("buckets", _everybody_if(_admits_everybody, Reach.IDENTITY)),
    "aws:secretsmanager/secret:Secret": ("secrets", _always(Reach.IDENTITY)),
    "aws:sfn/stateMachine:StateMachine": ("pipeline", _always(Reach.IDENTITY)),
    "aws:sns/topic:Topic": ("queues and topics", _always(Reach.IDENTITY)),
    "aws:sns/topicPolicy:TopicPolicy": ("alarms", _everybody_if(_admits_everybody, Reach.IDENTITY)),
    "aws:sqs/queue:Queue": ("queues and topics", _always(Reach.IDENTITY)),
    "aws:sqs/queuePolicy:QueuePolicy": ("queues and topics", _everybody_if(_admits_everybody, Reach.IDENTITY)),
    "aws:xray/group:Group": ("logs and traces", _always(Reach.IDENTITY)),
}


def _is_of_nat_gateway(address: DeployedResource, resources: Resources) -> bool:
    return any(it.type.endswith(":NatGateway") and it.inputs["allocationId"] == address.id for it in resources)


def _read_azure_service(has_no_keys: Callable[[DeployedResource, Resources], bool]) -> _ReadReach:
    """A service asks for an identity where it has no keys, which have nobody's name."""

    def read(it: DeployedResource, resources: Resources) -> Reach:
        if it.inputs.get("publicNetworkAccess") == "Disabled":
            return Reach.NETWORK
        return Reach.IDENTITY if has_no_keys(it, resources) else Reach.EVERYBODY

    return read


def _switched_off(*keys: str) -> Callable[[DeployedResource, Resources], bool]:
    return lambda it, _: all(it.inputs.get(key) is False for key in keys)


def _switched_on(key: str) -> Callable[[DeployedResource, Resources], bool]:
    return lambda it, _: it.inputs.get(key) is True


def _has_no_cache_keys(_: DeployedResource, resources: Resources) -> bool:
    databases = [it.inputs for it in resources if it.type == "azure-native:redisenterprise:Database"]
    return bool(databases) and all(it["accessKeysAuthentication"] == "Disabled" for it in databases)


def _read_sql_server(server: DeployedResource, resources: Resources) -> Reach:
    """A server with a public address lets in what comes from the network's own."""
    if server.inputs["publicNetworkAccess"] == "Disabled":
        return Reach.NETWORK
    rules = [it.inputs for it in resources if it.type == "azure-native:sql:FirewallRule"]
    own = {it.outputs.get("ipAddress") for it in resources if it.type == "azure-native:network:PublicIPAddress"}
    is_own = all({it["startIpAddress"], it["endIpAddress"]} <= own for it in rules)
    return Reach.NETWORK if is_own else Reach.EVERYBODY


def _read_function_app(app: DeployedResource, _: Resources) -> Reach:
    """An app whose own address refuses everybody is reached by its tools, with the right to publish."""
    if app.inputs.get("publicNetworkAccess") == "Disabled":
        return Reach.NETWORK
    is_closed = app.inputs["siteConfig"].get("ipSecurityRestrictionsDefaultAction") == "Deny"
    return Reach.IDENTITY if is_closed else Reach.EVERYBODY


def _read_container_app(app: DeployedResource, resources: Resources) -> Reach:
    environment = next(it.inputs for it in resources if it.id == app.inputs["environmentId"])
    is_internal = (environment.get("vnetConfiguration") or {}).get("internal") is True
    is_external = (app.inputs["configuration"].get("ingress") or {}).get("external")
    return Reach.EVERYBODY if is_external and not is_internal else Reach.NETWORK


def _read_storage(account: DeployedResource, resources: Resources) -> Reach:
    containers = (it.inputs for it in resources if it.type == "azure-native:storage:BlobContainer")
    if account.inputs.get("allowBlobPublicAccess") is not False or any(
        it["accountName"] == account.inputs["accountName"] and it["publicAccess"] != "None" for it in containers
    ):
        return Reach.EVERYBODY
    return _read_azure_service(_switched_off("allowSharedKeyAccess"))(account, resources)


def _read_vault(vault: DeployedResource, _: Resources) -> Reach:
    properties = vault.inputs["properties"]
    if properties.get("publicNetworkAccess") == "Disabled":
        return Reach.NETWORK
    return Reach.IDENTITY if properties.get("enableRbacAuthorization") else Reach.EVERYBODY


def _read_gateway(gateway: DeployedResource, _: Resources) -> Reach:
    closed = gateway.inputs.get("publicNetworkAccess") == "Disabled"
    return Reach.NETWORK if closed or gateway.inputs["virtualNetworkType"] == "Internal" else Reach.EVERYBODY


def _read_public_address(address: DeployedResource, resources: Resources) -> Reach:
    """Nobody connects to the address of a NAT gateway, nor to that of a firewall without rules for that."""
    users = (it for it in resources if it.type.endswith((":NatGateway", ":AzureFirewall")))
    return Reach.NETWORK if any(address.id in str(it.inputs) for it in users) else Reach.EVERYBODY


_READ_FIREWALL_RULES = _everybody_if(lambda it: "FirewallPolicyNatRuleCollection" in str(it), Reach.NETWORK)
_AZURE: Mapping[str, tuple[str, _ReadReach]] = {
    "azure-native:apimanagement:ApiManagementService": ("gateway", _read_gateway),
    "azure-native:app:ContainerApp": ("services", _read_container_app),
    "azure-native:applicationinsights:Component": (
        "logs and traces",
        _everybody_if(lambda it: not it.get("disableLocalAuth"), Reach.IDENTITY),
    ),
    "azure-native:cdn:AFDEndpoint": ("site", _always(Reach.EVERYBODY)),
    "azure-native:containerregistry:Registry": ("images", _read_azure_service(_switched_off("adminUserEnabled"))),
    "azure-native:cosmosdb:DatabaseAccount": ("documents", _read_azure_service(_switched_on("disableLocalAuth"))),
    "azure-native:datafactory:Factory": ("pipeline", _read_azure_service(lambda *_: True)),
    "azure-native:dns:Zone": ("site", _always(Reach.EVERYBODY)),
    "azure-native:keyvault:Vault": ("secrets", _read_vault),
    "azure-native:logic:Workflow": (
        "pipeline",
        _everybody_if(lambda it: "'type': 'Request'" in str(it["definition"]), Reach.IDENTITY),
    ),
    "azure-native:network:AzureFirewall": ("firewall", _always(Reach.NETWORK)),
    "azure-native:network:FirewallPolicyRuleCollectionGroup": ("firewall", _READ_FIREWALL_RULES),
    "azure-native:network:NatGateway": ("NAT gateway", _always(Reach.NETWORK)),
    "azure-native:network:PublicIPAddress": ("NAT gateway", _read_public_address),
    "azure-native:operationalinsights:Workspace": ("logs and traces", _always(Reach.IDENTITY)),
    "azure-native:redisenterprise:RedisEnterprise": ("cache", _read_azure_service(_has_no_cache_keys)),
    "azure-native:servicebus:Namespace": ("queues and topics", _read_azure_service(_switched_on("disableLocalAuth"))),
    "azure-native:sql:Server": ("SQL server", _read_sql_server),
    "azure-native:storage:StorageAccount": ("buckets", _read_storage),
    "azure-native:web:StaticSite": ("site", _always(Reach.EVERYBODY)),
    "azure-native:web:WebApp": ("functions", _read_function_app),
}
_PARTS_BY_NAME: Mapping[tuple[str, ...], str] = {
    ("documents",): "documents",
    ("table-",): "tables",
    ("function",): "functions",
    ("site", "delivery"): "site",
    ("notifications",): "alarms",
    ("private-", "endpoint-"): "NAT gateway",
}
"""The parts of types that several parts have, by the beginning of the names of resources."""
_SHARED_TYPES = (":Bucket", ":BucketPolicy", ":StorageAccount", ":Table", ":Topic")
_WITHOUT_ADDRESS = re.compile(
    r"pulumi:|aws:(appautoscaling|cloudwatch|iam|servicediscovery|scheduler|vpc|wafv2|xray)/"
    r"|aws:acm/certificateValidation:|aws:apigateway/|aws:apigatewayv2/apiMapping:|aws:cloudfront/|aws:ec2/(internetGateway|route|securityGroup|vpc)"
    r"|aws:ecr/lifecyclePolicy|aws:ecs/(cluster|taskDefinition)|aws:elasticache/user|aws:kms/alias"
    r"|aws:lambda/(alias|eventSourceMapping|provisionedConcurrencyConfig)|aws:lb/(listener|targetGroup)"
    r"|aws:networkfirewall/|aws:rds/subnetGroup|aws:route53/record|aws:s3/bucket\w+:|aws:secretsmanager/secretVersion"
    r"|aws:sns/topicSubscription|aws:sqs/redriveAllowPolicy|aws:dynamodb/\w+:(?!Table)"
    r"|azure-native:apimanagement:|azure-native:app:ManagedEnvironment|azure-native:applicationinsights:Workbook"
    r"|azure-native:(authorization|managedidentity|monitor|privatedns|resources|frontdoor):"
    r"|azure-native:cdn:(AFDCustomDomain|AFDOrigin|Profile|Route|Rule|SecurityPolicy)|azure-native:cosmosdb:Sql"
    r"|azure-native:datafactory:(Dataset|LinkedService|Pipeline|Trigger)|azure-native:dns:RecordSet|azure-native:keyvault:Secret"
    r"|azure-native:network:(DdosProtectionPlan|FirewallPolicy|NetworkSecurityGroup|Private|Route|Subnet|VirtualNetwork)"
    r"|azure-native:operationalinsights:SavedSearch|azure-native:redisenterprise:(AccessPolicyAssignment|Database)"
    r"|azure-native:servicebus:(DefaultRule|Queue|Rule|Subscription|Topic)"
    r"|azure-native:sql:(BackupShortTerm|Database|FirewallRule|TransparentDataEncryption)"
    r"|azure-native:storage:(Blob|ManagementPolicy|Table)|azure-native:web:AppServicePlan"
)
"""What is reached by the address of another resource, if at all."""


def read_reaches(resources: Resources) -> Iterator[tuple[DeployedResource, str, Reach]]:
    """Yield each resource that has an address, with its part of the platform and from where it is reached.

    Fails for a type of which nothing is known.
    """
    for resource in resources:
        known = {**_AWS, **_AZURE}.get(resource.type)
        if known is None:
            assert _WITHOUT_ADDRESS.match(resource.type), f"{resource.type}: who reaches it?"
            continue
        part, read = known
        yield resource, _find_part(resource, part), read(resource, resources)


def _find_part(resource: DeployedResource, part: str) -> str:
    if not resource.type.endswith(_SHARED_TYPES):
        return part
    names = (found for prefixes, found in _PARTS_BY_NAME.items() if resource.name.startswith(prefixes))
    return next(names, part)
