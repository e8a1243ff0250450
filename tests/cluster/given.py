"""Manifests as a user would give them: an application with all that goes with it, in the run's namespace, in one of its own
and of the whole cluster."""
import json

LABEL = "galileo.edgerun.io/experiment"
# Kinds of the manifests below, in all namespaces.
KINDS = ("pods,deployments,replicasets,statefulsets,jobs,configmaps,secrets,services,roles,rolebindings,serviceaccounts,persistentvolumeclaims,"
         "horizontalpodautoscalers,persistentvolumes,namespaces,customresourcedefinitions,leases")
CANARY = "hunter2canary"
SPACE = "given"


def named(group_version, kind, name, namespace=None, **more):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **more.pop("metadata", {})}
    return {"apiVersion": group_version, "kind": kind, "metadata": metadata, **more}


def pods(labels, container, **more):
    return {"metadata": {"labels": labels},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "imagePullPolicy": "Never", **container}], **more}}


def deployment(name, container, replicas=1, labels=None, namespace=None):
    labels = {"app": name, **(labels or {})}
    return named("apps/v1", "Deployment", name, namespace,
                 spec={"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": pods(labels, container)})


def web(image, replicas=5):
    """The application: an autoscaler over it wants two, whatever the manifest says."""
    container = {"image": image, "args": ["target", "--listen", "0.0.0.0:8080"], "resources": {"requests": {"cpu": "10m"}},
                 "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
                 "env": [{"name": "DB_PASSWORD", "value": CANARY}]}
    return [deployment("web", container, replicas, {"ether.edgerun.io/function": "hello"}),
            named("autoscaling/v2", "HorizontalPodAutoscaler", "web", spec={
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 2})]


def around(busybox):
    """What else an application has: workloads come first in the files, though they need the rest."""
    storage = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    return [
        named("apps/v1", "StatefulSet", "db", SPACE, spec={
            "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": pods({"app": "db"}, {"image": busybox, "command": ["sleep", "1000"], "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                                             "envFrom": [{"secretRef": {"name": "credentials"}}]}, serviceAccountName="db", initContainers=[
                                                 {"name": "first", "image": busybox, "imagePullPolicy": "Never", "command": ["echo", "before the others"]}]),
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {**storage, "resources": {"requests": {"storage": "1Mi"}}}}]}),
        named("batch/v1", "Job", "fill", spec={"template": pods({"app": "fill"}, {"image": busybox, "command": ["echo", "it is filled"]}, restartPolicy="Never")}),
        named("galileo.test/v1", "Widget", "small", size=1),
        named("v1", "Secret", "credentials", SPACE, stringData={"password": CANARY}),
        named("v1", "ServiceAccount", "db", SPACE),
        named("rbac.authorization.k8s.io/v1", "Role", "db", SPACE, rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
        named("rbac.authorization.k8s.io/v1", "RoleBinding", "db", SPACE, roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "db"},
              subjects=[{"kind": "ServiceAccount", "name": "db", "namespace": SPACE}]),
        named("v1", "PersistentVolume", "given-data", spec={**storage, "capacity": {"storage": "1Mi"}, "hostPath": {"path": "/tmp/given-data"},
                                                            "persistentVolumeReclaimPolicy": "Retain"}),
        named("v1", "Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}),
        named("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.galileo.test", spec={
            "group": "galileo.test", "scope": "Namespaced", "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"size": {"type": "integer"}}}}}]}),
        named("v1", "Namespace", SPACE)]


def write(path, objects):
    path.write_text("\n---\n".join(json.dumps(one, indent=1) for one in objects))
    return path.name


def left(cluster):
    """What of a run's manifests is still there, in any namespace or in none."""
    found = cluster.kubectl("get", KINDS, "-A", "-l", LABEL, "-o", "name").split()
    spaces = cluster.kubectl("get", "namespaces", "-o", "name").split()
    definitions = cluster.kubectl("get", "customresourcedefinitions,persistentvolumes,replicasets,statefulsets,jobs", "-A", "-o", "name").split()
    return found + [name for name in spaces if name == f"namespace/{SPACE}"] + definitions
