'use strict';

// What the Serverless CLI lacks for functions that are container images, done before the command runs:
//   invoke local             an image function's handler is the one of image.command, so it is named once; it is called by
//                            roomidity.local.invocation, which says in a line why it failed; environment values that only
//                            CloudFormation can resolve are left out, so the shell's own reach the handler
//   print, package, remove   a placeholder stands for an image that was not given: no Docker, no credentials, no network
//   deploy                   the image that it builds is told its version
//   remove                   buckets that go with the stack are emptied, for S3 deletes none that holds anything
// `--param image=URI` takes the place of building and of the placeholder.
const { execFileSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');

const OFFLINE = new Set(['print', 'package', 'remove']);

module.exports = class LocalPlugin {
  constructor(serverless, options, { log }) {
    this.hooks = {
      initialize: () => {
        const command = serverless.processedInput.commands.join(' ');
        if (command === 'invoke local') {
          runInPython(serverless.service, serverless.serviceDir);
          leaveItAtExitStatus(serverless.pluginManager.hooks['invoke:local:invoke']);
        } else chooseImage(serverless, command);
      },
      'before:remove:remove': () => emptyBuckets(serverless, log),
    };
  }
};

function runInPython({ provider, functions }, serviceDir) {
  const ours = join(serviceDir, '.venv');
  if (!process.env.VIRTUAL_ENV && existsSync(ours)) process.env.VIRTUAL_ENV = ours; // made by scripts/demo and scripts/test
  for (const fn of Object.values(functions)) {
    if (!fn.image) continue;
    fn.environment = { ...fn.environment, ROOMIDITY_HANDLER: fn.image.command[0] };
    fn.handler = 'roomidity.local.invocation.handler';
    fn.runtime = 'python3.13'; // the CLI asks for a name it knows; what runs is python3 of $VIRTUAL_ENV or PATH
    delete fn.image;
  }
  for (const environment of [provider, ...Object.values(functions)].map((holder) => holder.environment || {})) {
    for (const name of Object.keys(environment)) {
      if (typeof environment[name] !== 'string') delete environment[name];
    }
  }
}

// The function's own output has said why it failed. The CLI would add where in its own source it heard of it.
function leaveItAtExitStatus(hooks) {
  for (const step of hooks) {
    const { hook } = step;
    step.hook = async () => {
      try {
        await hook();
      } catch (error) {
        if (typeof error.code !== 'number') throw error; // it did not end by itself: no Python there, or a signal
        process.exitCode = 1;
      }
    };
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

// What the deployed stack says decides, not serverless.yml or `--param dataPolicy`: a bucket that the stack would leave where it
// is, is not touched. Nor is the CLI's own, which it empties itself.
async function emptyBuckets(serverless, log) {
  const fromCli = createRequire(require.resolve('osls/package.json')); // the SDK is the CLI's, not ours
  const { CloudFormationClient, DescribeStackResourceCommand, GetTemplateCommand } = fromCli('@aws-sdk/client-cloudformation');
  const aws = serverless.getProvider('aws');
  const config = await aws.getAwsSdkV3Config();
  const formation = new CloudFormationClient(config);
  const StackName = aws.naming.getStackName();
  let template;
  try {
    template = JSON.parse((await formation.send(new GetTemplateCommand({ StackName }))).TemplateBody);
  } catch (error) {
    if (/does not exist/.test(error.message)) return; // no stack: the CLI says so
    throw error;
  }
  for (const [LogicalResourceId, { Type, DeletionPolicy = 'Delete' }] of Object.entries(template.Resources)) {
    if (Type !== 'AWS::S3::Bucket' || LogicalResourceId === aws.naming.getDeploymentBucketLogicalId()) continue;
    if (DeletionPolicy !== 'Delete') continue;
    const found = await formation.send(new DescribeStackResourceCommand({ StackName, LogicalResourceId }));
    const bucket = found.StackResourceDetail.PhysicalResourceId;
    if (!bucket) continue;
    const count = await emptyBucket(fromCli('@aws-sdk/client-s3'), config, bucket);
    log.notice(`Emptied the bucket ${bucket}, which goes with the stack: ${count} versions of objects deleted`);
  }
}

// Every version of every object, and the marks of deleted ones.
async function emptyBucket({ DeleteObjectsCommand, ListObjectVersionsCommand, S3Client }, config, Bucket) {
  const client = new S3Client(config);
  let count = 0;
  let page = {};
  do {
    const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page;
    try {
      page = await client.send(new ListObjectVersionsCommand({ Bucket, KeyMarker, VersionIdMarker }));
    } catch (error) {
      if (error.name === 'NoSuchBucket') break; // gone already, by a `remove` that failed half-way
      throw error;
    }
    const Objects = [...(page.Versions || []), ...(page.DeleteMarkers || [])].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (!Objects.length) continue;
    const { Errors = [] } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    if (Errors.length) {
      throw new Error(`${Errors.length} objects of the bucket ${Bucket} stayed; ${Errors[0].Key}: ${Errors[0].Message}`);
    }
    count += Objects.length;
  } while (page.IsTruncated);
  return count;
}
