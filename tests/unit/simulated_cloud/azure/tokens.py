"""The tokens of the simulated Azure types, and common inputs of their samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CreatedResource

World: TypeAlias = dict[str, CreatedResource]
Sample: TypeAlias = Callable[[World], dict[str, Any]]

GROUP = "azure-native:resources:ResourceGroup"
WORKSPACE = "azure-native:operationalinsights:Workspace"
COMPONENT = "azure-native:applicationinsights:Component"
STORAGE = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
BLOB_SERVICE = "azure-native:storage:BlobServiceProperties"
LIFECYCLE = "azure-native:storage:ManagementPolicy"
TABLE = "azure-native:storage:Table"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
ROLE_ASSIGNMENT = "azure-native:authorization:RoleAssignment"
SECURITY_GROUP = "azure-native:network:NetworkSecurityGroup"
NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
PLAN = "azure-native:web:AppServicePlan"
APP = "azure-native:web:WebApp"
APP_SETTINGS = "azure-native:web:WebAppApplicationSettings"
VAULT = "azure-native:keyvault:Vault"
SECRET = "azure-native:keyvault:Secret"
DIAGNOSTIC_SETTING = "azure-native:monitor:DiagnosticSetting"
ACTION_GROUP = "azure-native:monitor:ActionGroup"
METRIC_ALERT = "azure-native:monitor:MetricAlert"
QUERY_RULE = "azure-native:monitor:ScheduledQueryRule"
SERVICE = "azure-native:apimanagement:ApiManagementService"
API = "azure-native:apimanagement:Api"
API_OPERATION = "azure-native:apimanagement:ApiOperation"
API_POLICY = "azure-native:apimanagement:ApiPolicy"
API_VERSION_SET = "azure-native:apimanagement:ApiVersionSet"
API_DIAGNOSTIC = "azure-native:apimanagement:ApiDiagnostic"
NAMED_VALUE = "azure-native:apimanagement:NamedValue"
BACKEND = "azure-native:apimanagement:Backend"
PRODUCT = "azure-native:apimanagement:Product"
PRODUCT_API = "azure-native:apimanagement:ProductApi"
PRODUCT_POLICY = "azure-native:apimanagement:ProductPolicy"
API_SUBSCRIPTION = "azure-native:apimanagement:Subscription"
GATEWAY_DIAGNOSTIC = "azure-native:apimanagement:Diagnostic"
LOGGER = "azure-native:apimanagement:Logger"
WEB_PUBSUB = "azure-native:webpubsub:WebPubSub"
SAVED_QUERY = "azure-native:operationalinsights:SavedSearch"
WORKBOOK = "azure-native:applicationinsights:Workbook"
HUB = "azure-native:webpubsub:WebPubSubHub"
PUBLIC_ADDRESS = "azure-native:network:PublicIPAddress"
NAT_GATEWAY = "azure-native:network:NatGateway"
ROUTE_TABLE = "azure-native:network:RouteTable"
ROUTE = "azure-native:network:Route"
DDOS_PLAN = "azure-native:network:DdosProtectionPlan"
FIREWALL_POLICY = "azure-native:network:FirewallPolicy"
FIREWALL_RULES = "azure-native:network:FirewallPolicyRuleCollectionGroup"
FIREWALL = "azure-native:network:AzureFirewall"
BASTION = "azure-native:network:BastionHost"
PRIVATE_ENDPOINT = "azure-native:network:PrivateEndpoint"
ZONE_GROUP = "azure-native:network:PrivateDnsZoneGroup"
PRIVATE_ZONE = "azure-native:privatedns:PrivateZone"
RECORD_SET = "azure-native:privatedns:PrivateRecordSet"
NETWORK_LINK = "azure-native:privatedns:VirtualNetworkLink"

TENANT = "7e2a5d1c-0000-4000-8000-5e3a17e57001"
IN_GROUP = {"resourceGroupName": "rg-semantest"}
LOCATED = {**IN_GROUP, "location": "westeurope"}
