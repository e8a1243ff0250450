{{- /* Puts the chart's values into an object: its namespace, addresses, image. */ -}}
{{- define "galileo.set" }}
{{- $object := .object }}
{{- $values := .root.Values }}
{{- $data := $object.data | default dict }}
{{- $pod := dig "spec" "template" "spec" dict $object }}
{{- if hasKey $object.metadata "namespace" }}
{{- $_ := set $object.metadata "namespace" .root.Release.Namespace }}
{{- end }}
{{- range $subject := $object.subjects | default list }}
{{- $_ := set $subject "namespace" $.root.Release.Namespace }}
{{- end }}
{{- $places := dict
  "galileo_redis_host" $values.redis.host
  "galileo_redis_port" (toString $values.redis.port)
  "telemd_redis_url" (printf "redis://%s:%v" $values.redis.host $values.redis.port)
  "telemd_kubernetes_adapter_redis_host" $values.redis.host
  "telemd_kubernetes_adapter_redis_port" (toString $values.redis.port)
  "edgechaos_redis_host" $values.redis.host
  "edgechaos_redis_port" (toString $values.redis.port)
  "etcd_host" $values.etcd
  "gateways" (join " " $values.gateways) }}
{{- range $name, $value := $places }}
{{- if hasKey $data $name }}
{{- $_ := set $data $name $value }}
{{- end }}
{{- end }}
{{- range $container := $pod.containers | default list }}
{{- $_ := set $container "image" (printf "%s:%s" $values.image.repository ($values.image.tag | default $.root.Chart.AppVersion)) }}
{{- end }}
{{- if and $values.gpu.runtimeClassName (eq $object.metadata.name "telemd-gpu") }}
{{- $_ := set $pod "runtimeClassName" $values.gpu.runtimeClassName }}
{{- end }}
{{- end }}
