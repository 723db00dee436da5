"""The types that are the same again when they were deleted and are created again.

Every other type has a row in its cloud's catalogue, `stateful` where data is lost and `lossy` where something differs.
"""

from __future__ import annotations

REVERSIBLE_TYPES = frozenset(
    {
        "aws:apigateway/account:Account",
        "aws:apigatewayv2/integration:Integration",
        "aws:apigatewayv2/route:Route",
        "aws:apigatewayv2/stage:Stage",
        "aws:cloudwatch/dashboard:Dashboard",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:kms/alias:Alias",
        "aws:lambda/alias:Alias",
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "aws:lambda/permission:Permission",
        "aws:scheduler/schedule:Schedule",
        "aws:secretsmanager/secretVersion:SecretVersion",
        "aws:sqs/queuePolicy:QueuePolicy",
        "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "aws:xray/group:Group",
        "aws:xray/samplingRule:SamplingRule",
        "azure-native:applicationinsights:Workbook",
        "azure-native:authorization:RoleAssignment",
        "azure-native:keyvault:Secret",
        "azure-native:monitor:ActionGroup",
        "azure-native:monitor:DiagnosticSetting",
        "azure-native:monitor:MetricAlert",
        "azure-native:network:DdosProtectionPlan",
        "azure-native:network:FirewallPolicy",
        "azure-native:network:FirewallPolicyRuleCollectionGroup",
        "azure-native:network:NatGateway",
        "azure-native:monitor:ScheduledQueryRule",
        "azure-native:network:NetworkSecurityGroup",
        "azure-native:network:PrivateDnsZoneGroup",
        "azure-native:network:Route",
        "azure-native:network:RouteTable",
        "azure-native:network:Subnet",
        "azure-native:network:VirtualNetwork",
        "azure-native:privatedns:PrivateZone",
        "azure-native:privatedns:VirtualNetworkLink",
        "azure-native:resources:ResourceGroup",
        "azure-native:servicebus:DefaultRule",
        "azure-native:storage:BlobContainer",
        "azure-native:web:AppServicePlan",
        "azure-native:webpubsub:WebPubSubHub",
    }
)
