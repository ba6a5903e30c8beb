{{/* What single values cannot show to be wrong: each ends with what to set instead. */}}
{{- define "mintage.check" -}}
{{- $v := .Values -}}
{{- if not $v.image.repository }}
{{- fail "image.repository is not set: build k8s/image/Containerfile, push it to your registry, and give its address with --set image.repository=REGISTRY/mintage" }}
{{- end }}
{{- range $key := list "tag" "gpuTag" }}
{{- if eq (get $v.image $key) "latest" }}
{{- fail (printf "image.%s is latest, which is another image tomorrow: name a version, or a digest" $key) }}
{{- end }}
{{- end }}
{{- range $name, $value := $v.pods.env }}
{{- if regexMatch "(?i)(secret|passw|access_key|token|credential)" $name }}
{{- fail (printf "pods.env.%s looks like a secret, and whoever sees a pod sees its variables: use identity, or objectStore.credentialsSecret" $name) }}
{{- end }}
{{- end }}
{{- if and (eq $v.auth.mode "disabled") (not $v.networkPolicy.enabled) }}
{{- fail "auth.mode is disabled and networkPolicy.enabled is false: anybody in the cluster could run code on a head; keep one of the two" }}
{{- end }}
{{- if $v.serve.enabled }}
{{- if not $v.serve.args.models }}
{{- fail "serve.enabled needs serve.args.models: which data sets' models are served, see docs/serving.md" }}
{{- end }}
{{- if not (or $v.serve.tokensSecret $v.serve.args.authentication) }}
{{- fail "serve.enabled needs serve.tokensSecret, a secret with the digests of tokens, or serve.args.authentication: {open: true} to answer everybody" }}
{{- end }}
{{- end }}
{{- if and $v.kueue.enabled (not $v.kueue.queueName) }}
{{- fail "kueue.enabled needs kueue.queueName, the LocalQueue of this namespace (kubectl get localqueues)" }}
{{- end }}
{{- if and $v.kueue.enabled (ne $v.job.cleanUp.mode "shutdown") }}
{{- fail "kueue.enabled needs job.cleanUp.mode=shutdown: KubeRay suspends only jobs whose cluster ends with them" }}
{{- end }}
{{- $autoscaled := eq (include "mintage.autoscaled" .) "yes" -}}
{{- $there := list -}}
{{- range $name, $group := $v.workerGroups }}
{{- if $group.enabled }}
{{- if or $autoscaled $group.replicas }}{{ $there = append $there $name }}{{ end }}
{{- if gt (int $group.minReplicas) (int $group.maxReplicas) }}
{{- fail (printf "workerGroups.%s: minReplicas %d is more than maxReplicas %d" $name (int $group.minReplicas) (int $group.maxReplicas)) }}
{{- end }}
{{- if gt (int $group.replicas) (int $group.maxReplicas) }}
{{- fail (printf "workerGroups.%s: replicas %d is more than maxReplicas %d" $name (int $group.replicas) (int $group.maxReplicas)) }}
{{- end }}
{{- end }}
{{- end }}
{{- if not $there }}
{{- fail "no group of workers would ever have a pod: enable one in workerGroups, with replicas of 1 or more where there is no autoscaling (or Kueue)" }}
{{- end }}
{{- if and $v.kueue.enabled (gt (len $there) 7) }}
{{- fail (printf "Kueue admits at most 7 groups of workers in a job; these are %d: %s" (len $there) (join ", " $there)) }}
{{- end }}
{{- if and (eq $v.identity.provider "aws-irsa") (not $v.identity.awsRoleArn) }}
{{- fail "identity.provider aws-irsa needs identity.awsRoleArn" }}
{{- end }}
{{- if and (eq $v.identity.provider "azure") (not $v.identity.azureClientId) }}
{{- fail "identity.provider azure needs identity.azureClientId" }}
{{- end }}
{{- end }}
