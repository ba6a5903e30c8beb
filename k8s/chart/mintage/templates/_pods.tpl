{{/* Pods of heads and workers: restricted pod security, a root that cannot be written, and places that can. */}}

{{- define "mintage.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.pods.uid | int64 }}
runAsGroup: {{ .Values.pods.uid | int64 }}
fsGroup: {{ .Values.pods.uid | int64 }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "mintage.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Ray needs /tmp for its session, HOME for the user's files; caches of torch and others get a place too. */}}
{{- define "mintage.writablePlaces" -}}
- {name: tmp, mountPath: /tmp}
- {name: home, mountPath: /home/mintage}
- {name: cache, mountPath: /var/cache/mintage}
{{- end }}

{{- define "mintage.placesEnv" -}}
- {name: HOME, value: /home/mintage}
- {name: TMPDIR, value: /tmp}
- {name: XDG_CACHE_HOME, value: /var/cache/mintage}
- {name: HF_HOME, value: /var/cache/mintage/huggingface}
- {name: TORCHINDUCTOR_CACHE_DIR, value: /var/cache/mintage/torchinductor}
- {name: TRITON_CACHE_DIR, value: /var/cache/mintage/triton}
- {name: PYTHONDONTWRITEBYTECODE, value: "1"}
- {name: RAY_USAGE_STATS_ENABLED, value: "0"}
{{- if ne .Values.auth.mode "token" }}
- {name: RAY_AUTH_MODE, value: disabled}
{{- end }}
{{- end }}

{{/* What the process that works needs besides. */}}
{{- define "mintage.env" -}}
{{ include "mintage.placesEnv" . }}
{{- if .Values.objectStore.credentialsSecret }}
- {name: AWS_SHARED_CREDENTIALS_FILE, value: /etc/mintage/store/credentials}
{{- end }}
{{- if .Values.telemetry.otlpEndpoint }}
- {name: MINTAGE_TELEMETRY, value: otlp}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .Values.telemetry.otlpEndpoint | quote }}}
- {name: OTEL_EXPORTER_OTLP_PROTOCOL, value: {{ .Values.telemetry.protocol }}}
{{- end }}
{{- range $name, $value := .Values.pods.env }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/* The same figures as request and limit: what Ray is told is what the pod has, and nobody is evicted for its neighbour. */}}
{{- define "mintage.resources" -}}
{{- $amounts := dict "cpu" (toString .cpu) "memory" .memory "ephemeral-storage" .ephemeralStorage -}}
{{- with .gpu }}{{ $_ := set $amounts .resource (int .count) }}{{ end -}}
{{- dict "requests" $amounts "limits" $amounts | toYaml -}}
{{- end }}

{{/* A worker's tolerations: the usual taints of GPU nodes and of spot nodes, and the group's own. */}}
{{- define "mintage.tolerations" -}}
{{- $all := list -}}
{{- with .gpu }}{{ $all = append $all (dict "key" .resource "operator" "Exists" "effect" "NoSchedule") }}{{ end -}}
{{- if eq (.market | default "") "spot" -}}
{{- range list "cloud.google.com/gke-spot" "kubernetes.azure.com/scalesetpriority" "karpenter.sh/capacity-type" -}}
{{- $all = append $all (dict "key" . "operator" "Exists" "effect" "NoSchedule") -}}
{{- end -}}
{{- end -}}
{{- with concat $all (.tolerations | default list) }}{{ toYaml . }}{{ end -}}
{{- end }}

{{/* A pod. Arguments: root, role (head or worker), group (values of the head or of the group). */}}
{{- define "mintage.pod" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $head := eq .role "head" -}}
{{- $image := include "mintage.image" (dict "root" .root "gpu" .group.gpu) -}}
metadata:
  labels:
    {{- include "mintage.labels" .root | nindent 4 }}
    {{- if .serve }}
    mintage.dev/serve: "true"
    {{- end }}
    {{- if eq $values.identity.provider "azure" }}
    azure.workload.identity/use: "true"
    {{- end }}
  {{- $annotations := .group.annotations | default dict }}
  {{- if $head }}
  {{- $annotations = merge (dict "cluster-autoscaler.kubernetes.io/safe-to-evict" "false" "karpenter.sh/do-not-disrupt" "true") $annotations }}
  {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  restartPolicy: Never
  serviceAccountName: {{ include "mintage.name" .root }}-{{ .role }}
  automountServiceAccountToken: {{ and $head (eq (include "mintage.autoscaled" .root) "yes") }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ ternary .group.terminationGracePeriodSeconds $values.pods.workerGracePeriodSeconds $head | int64 }}
  securityContext:
    {{- include "mintage.podSecurity" .root | nindent 4 }}
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with $values.pods.schedulerName }}
  schedulerName: {{ . }}
  {{- end }}
  {{- with .group.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .group.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "mintage.tolerations" .group }}
  tolerations:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .group.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if and $head $values.signing.secretName }}
  initContainers:
    # A mounted secret is open to the pod's group, and Mintage refuses to sign with a key that others can read.
    - name: signing-key
      image: {{ $image }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      command: [install, --mode=0600, /etc/mintage/signing/identity.pem, /var/lib/mintage/identity.pem]
      resources:
        requests: {cpu: 100m, memory: 64Mi, ephemeral-storage: 16Mi}
        limits: {cpu: 100m, memory: 64Mi, ephemeral-storage: 16Mi}
      securityContext:
        {{- include "mintage.containerSecurity" $root | nindent 8 }}
      volumeMounts:
        - {name: signing, mountPath: /etc/mintage/signing, readOnly: true}
        - {name: identity, mountPath: /var/lib/mintage}
  {{- end }}
  containers:
    - name: ray-{{ .role }}
      image: {{ $image }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      resources:
        {{- include "mintage.resources" .group | nindent 8 }}
      securityContext:
        {{- include "mintage.containerSecurity" $root | nindent 8 }}
      {{- if $head }}
      ports:
        - {name: gcs-server, containerPort: 6379}
        - {name: dashboard, containerPort: 8265}
        - {name: client, containerPort: 10001}
        - {name: metrics, containerPort: 8080}
        - {name: as-metrics, containerPort: 44217}
        - {name: dash-metrics, containerPort: 44227}
        {{- if .serve }}
        - {name: serve, containerPort: 8000}
        {{- end }}
      {{- else }}
      ports:
        - {name: metrics, containerPort: 8080}
        {{- if .serve }}
        - {name: serve, containerPort: 8000}
        {{- end }}
      {{- end }}
      env:
        {{- include "mintage.env" $root | nindent 8 }}
        {{- if and $head $values.signing.secretName }}
        - {name: MINTAGE_HOME, value: /var/lib/mintage}
        {{- end }}
      volumeMounts:
        {{- include "mintage.writablePlaces" $root | nindent 8 }}
        - {name: shared-mem, mountPath: /dev/shm}
        {{- if $values.objectStore.credentialsSecret }}
        - {name: store, mountPath: /etc/mintage/store, readOnly: true}
        {{- end }}
        {{- if and $head $values.signing.secretName }}
        - {name: identity, mountPath: /var/lib/mintage}
        {{- end }}
        {{- if and $head $values.jobs }}
        - {name: jobs, mountPath: /etc/mintage/jobs, readOnly: true}
        {{- end }}
        {{- if and .serve $values.serve.tokensSecret }}
        - {name: serve-tokens, mountPath: /etc/mintage/serve, readOnly: true}
        {{- end }}
        {{- if and .serve $values.serve.trustedKeys }}
        - {name: trust, mountPath: /etc/mintage/trust, readOnly: true}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: {{ .group.ephemeralStorage }}}
    - name: home
      emptyDir: {sizeLimit: {{ $values.pods.scratchSize }}}
    - name: cache
      emptyDir: {sizeLimit: {{ $values.pods.scratchSize }}}
    # KubeRay would add one of this name as large as the pod's memory; Ray wants a little more than its object store.
    - name: shared-mem
      emptyDir: {medium: Memory, sizeLimit: {{ add .group.objectStoreMiB 64 }}Mi}
    {{- if $values.objectStore.credentialsSecret }}
    - name: store
      secret: {secretName: {{ $values.objectStore.credentialsSecret }}, defaultMode: 0440}
    {{- end }}
    {{- if and $head $values.signing.secretName }}
    - name: signing
      secret: {secretName: {{ $values.signing.secretName }}, defaultMode: 0440}
    - name: identity
      emptyDir: {medium: Memory, sizeLimit: 1Mi}
    {{- end }}
    {{- if and $head $values.jobs }}
    - name: jobs
      configMap: {name: {{ include "mintage.name" $root }}-jobs, optional: true}
    {{- end }}
    {{- if and .serve $values.serve.tokensSecret }}
    - name: serve-tokens
      secret: {secretName: {{ $values.serve.tokensSecret }}, defaultMode: 0440}
    {{- end }}
    {{- if and .serve $values.serve.trustedKeys }}
    - name: trust
      configMap: {name: {{ include "mintage.name" $root }}-trust}
    {{- end }}
{{- end }}
