"""Valid samples of what runs containers: a cluster with a service behind a load balancer, images and scaling."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CreatedResource

_SCALED = {
    "serviceNamespace": "ecs",
    "scalableDimension": "ecs:service:DesiredCount",
}
_LIFECYCLE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
    "action": {"type": "expire"},
}
_CONTAINER = {
    "name": "orders-api",
    "image": "example.org/orders:1",
    "essential": True,
    "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
}
CONTAINER_SAMPLES: dict[str, Callable[[dict[str, CreatedResource]], dict[str, Any]]] = {
    "aws:ecr/repository:Repository": lambda _: {"name": "semantest/orders-api", "imageTagMutability": "IMMUTABLE"},
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": lambda world: {
        "repository": world["aws:ecr/repository:Repository"].id,
        "policy": json.dumps({"rules": [_LIFECYCLE]}),
    },
    "aws:lb/loadBalancer:LoadBalancer": lambda world: {
        "name": "orders",
        "internal": True,
        "loadBalancerType": "network",
        "subnets": [world["aws:ec2/subnet:Subnet"].id],
    },
    "aws:lb/targetGroup:TargetGroup": lambda world: {
        "name": "orders",
        "port": 8080,
        "protocol": "TCP",
        "targetType": "ip",
        "vpcId": world["aws:ec2/vpc:Vpc"].id,
    },
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": lambda world: {
        "targetGroupArn": world["aws:lb/targetGroup:TargetGroup"].id,
        "targetId": "10.0.1.17",
        "port": 8080,
    },
    "aws:lb/listener:Listener": lambda world: {
        "loadBalancerArn": world["aws:lb/loadBalancer:LoadBalancer"].id,
        "port": 8080,
        "protocol": "TCP",
        "defaultActions": [{"type": "forward", "targetGroupArn": world["aws:lb/targetGroup:TargetGroup"].id}],
    },
    "aws:lb/listenerRule:ListenerRule": lambda world: {
        "listenerArn": world["aws:lb/listener:Listener"].id,
        "actions": [{"type": "forward", "targetGroupArn": world["aws:lb/targetGroup:TargetGroup"].id}],
        "conditions": [{"hostHeader": {"values": ["orders-api.semantest.internal"]}}],
    },
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": lambda world: {
        "name": "semantest.internal",
        "vpc": world["aws:ec2/vpc:Vpc"].id,
    },
    "aws:servicediscovery/service:Service": lambda world: {
        "name": "orders-api",
        "dnsConfig": {
            "namespaceId": world["aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace"].id,
            "routingPolicy": "WEIGHTED",
            "dnsRecords": [{"ttl": 60, "type": "A"}],
        },
    },
    "aws:servicediscovery/instance:Instance": lambda world: {
        "instanceId": "load-balancer",
        "serviceId": world["aws:servicediscovery/service:Service"].id,
        "attributes": {"AWS_ALIAS_DNS_NAME": world["aws:lb/loadBalancer:LoadBalancer"].outputs["dnsName"]},
    },
    "aws:ecs/cluster:Cluster": lambda _: {"name": "semantest"},
    "aws:ecs/taskDefinition:TaskDefinition": lambda _: {
        "family": "orders-api",
        "cpu": "256",
        "memory": "512",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": json.dumps([_CONTAINER]),
    },
    "aws:ecs/service:Service": lambda world: {
        "name": "orders-api",
        "cluster": world["aws:ecs/cluster:Cluster"].id,
        "taskDefinition": world["aws:ecs/taskDefinition:TaskDefinition"].outputs["arn"],
        "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": {"subnets": [world["aws:ec2/subnet:Subnet"].id]},
        "loadBalancers": [
            {
                "containerName": "orders-api",
                "containerPort": 8080,
                "targetGroupArn": world["aws:lb/targetGroup:TargetGroup"].id,
            }
        ],
    },
    "aws:appautoscaling/target:Target": lambda world: {
        **_SCALED,
        "minCapacity": 1,
        "maxCapacity": 5,
        "resourceId": f"service/semantest/{world['aws:ecs/service:Service'].outputs['name']}",
    },
    "aws:appautoscaling/policy:Policy": lambda world: {
        **_SCALED,
        "name": "cpu",
        "resourceId": world["aws:appautoscaling/target:Target"].id,
        "policyType": "TargetTrackingScaling",
        "targetTrackingScalingPolicyConfiguration": {
            "targetValue": 70,
            "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
        },
    },
}
