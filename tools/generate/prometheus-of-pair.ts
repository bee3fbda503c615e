const before = '    environment: production\n'

/**
 * provisioning/scale/prometheus.yml: the configuration that everybody gets, with a label that tells the two of a pair from
 * each other. Prometheus 3 takes it from the environment; 2 with --enable-feature=expand-external-labels.
 */
export function prometheusOfPair(configuration: string): string {
  if (!configuration.includes(before)) throw new Error('the configuration of Prometheus names no environment')
  const replica = '    # Which one of the pair it is. Thanos puts the two together by it.\n    replica: ${REPLICA}\n'
  return `# Made by npm run generate from provisioning/prometheus/prometheus.yml.\n${configuration.replace(before, before + replica)}`
}
