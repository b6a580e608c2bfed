'use strict';

// What the Serverless CLI lacks for functions that are container images, done before the command runs:
//   invoke local             an image function gets its handler from image.command, so the handler is named once; environment
//                            values that only CloudFormation can resolve are left out, so the shell's own reach the handler
//   print, package, remove   a placeholder stands for an image that was not given: no Docker, no credentials, no network
//   deploy                   the image that it builds is told its version
// `--param image=URI` takes the place of building and of the placeholder.
const { execFileSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const OFFLINE = new Set(['print', 'package', 'remove']);

module.exports = class LocalPlugin {
  constructor(serverless) {
    this.hooks = {
      initialize: () => {
        const command = serverless.processedInput.commands.join(' ');
        if (command === 'invoke local') runInPython(serverless.service, serverless.serviceDir);
        else chooseImage(serverless, command);
      },
    };
  }
};

function runInPython({ provider, functions }, serviceDir) {
  const ours = join(serviceDir, '.venv');
  if (!process.env.VIRTUAL_ENV && existsSync(ours)) process.env.VIRTUAL_ENV = ours; // made by scripts/demo and scripts/test
  for (const fn of Object.values(functions)) {
    if (!fn.image) continue;
    fn.handler = fn.image.command[0];
    fn.runtime = 'python3.13'; // the CLI asks for a name it knows; what runs is python3 of $VIRTUAL_ENV or PATH
    delete fn.image;
  }
  for (const environment of [provider, ...Object.values(functions)].map((holder) => holder.environment || {})) {
    for (const name of Object.keys(environment)) {
      if (typeof environment[name] !== 'string') delete environment[name];
    }
  }
}

function chooseImage({ service: { custom, provider }, serviceDir }, command) {
  const { images } = provider.ecr;
  const placeholder = `000000000000.dkr.ecr.${provider.region}.amazonaws.com/placeholder@sha256:${'0'.repeat(64)}`;
  if (custom.image || OFFLINE.has(command)) {
    images.app = { uri: custom.image || placeholder };
  } else {
    images.app.buildArgs.VERSION ||= versionFromGit(serviceDir);
    process.env.BUILDX_NO_DEFAULT_ATTESTATIONS = '1'; // else BuildKit pushes an image index, which Lambda refuses
  }
}

// As hatch-vcs names it: 1.2.3 on the tag v1.2.3, 1.2.4.dev5+g0123abc five commits later.
function versionFromGit(cwd) {
  let described = '';
  try {
    described = execFileSync('git', ['describe', '--tags', '--long', '--dirty=.dirty'], { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch {
    return '0.1.0.dev0'; // no tag yet, or no repository: the fallback of pyproject.toml
  }
  const [, tag, distance, commit] = /^v?(.+)-(\d+)-(g\S+)/.exec(described);
  if (distance === '0' && !commit.endsWith('.dirty')) return tag;
  return `${tag.replace(/\d+$/, (last) => Number(last) + 1)}.dev${distance}+${commit}`;
}
