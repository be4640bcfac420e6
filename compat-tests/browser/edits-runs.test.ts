import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import { edits } from './editor.ts';

/** What people change at experiments, runs and logged models. */

const { edited } = inject('seeded');
const [first = '', second = '', third = ''] = edited.runs;
const ofExperiment = `/experiments/${edited.experiment}`;
const run = (id: string) => `client.get_run('${id}')`;

edits({
  async 'an experiment is created'({ goto, page, button, dialog, confirm, expect }) {
    await goto('/experiments');
    await button('Create').click();
    await dialog.getByRole('textbox').first().fill('made-here');
    await confirm('Create');
    await expect("client.get_experiment_by_name('made-here').lifecycle_stage", 'active');
    await page.getByText('made-here').first().waitFor();
  },
  async 'an experiment is tagged'({ goto, row, addTag, expect }) {
    await goto('/experiments');
    await row('made-here').getByRole('button', { name: /tags/i }).click();
    await addTag('team', 'risk');
    await expect("client.get_experiment_by_name('made-here').tags['team']", 'risk');
  },
  async 'an experiment is described'({ goto, page, part, button, expect }) {
    await goto(`${ofExperiment}/runs`);
    await part('experiment-metadata-editor-edit-button').click();
    await page.locator('textarea:visible').fill('What is **tried**');
    await button('Save').click();
    await expect(
      `client.get_experiment('${edited.experiment}').tags['mlflow.note.content']`,
      'What is **tried**',
    );
  },
  async 'experiments are compared'({ goto, page, row, button }) {
    await goto('/experiments');
    for (const name of ['fraud', 'edited']) await row(name).getByRole('checkbox').first().click();
    await button('Compare').click();
    await page.getByText('Displaying Runs from 2 Experiments').waitFor();
  },
  async 'an experiment is deleted'({ goto, row, button, confirm, expect }) {
    await goto('/experiments');
    await row('made-here').getByRole('checkbox').click();
    await button('Delete').click();
    await confirm('Delete');
    await expect("client.get_experiment_by_name('made-here').lifecycle_stage", 'deleted');
  },
  async 'a run is renamed'({ goto, choose, part, page, confirm, expect }) {
    await goto(`${ofExperiment}/runs/${first}`);
    await choose(part('overflow-menu-trigger'), 'Rename');
    await part('rename-modal-input').fill('renamed');
    await confirm('Save');
    await expect(`${run(first)}.info.run_name`, 'renamed');
    await page.getByText('renamed').first().waitFor();
  },
  async 'a run is described'({ goto, page, button, expect }) {
    await goto(`${ofExperiment}/runs/${first}`);
    await page.getByRole('button', { name: 'Edit description' }).click();
    await page.locator('textarea:visible').fill('A *try*');
    await button('Save').click();
    await expect(`${run(first)}.data.tags['mlflow.note.content']`, 'A *try*');
  },
  async 'a run is tagged'({ goto, control, addTag, expect }) {
    await goto(`${ofExperiment}/runs/${first}`);
    await control('mlflow.run_details.overview.tags.add_button').click();
    await addTag('team', 'risk');
    await expect(`${run(first)}.data.tags['team']`, 'risk');
  },
  async 'a run loses a tag'({ goto, control, dialog, confirm, expect }) {
    await goto(`${ofExperiment}/runs/${first}`);
    await control('mlflow.run_details.overview.tags.edit_button').click();
    await dialog.getByText('team').locator('xpath=following::*[name()="svg"][1]').click();
    await confirm('Save tags');
    await expect(`'team' in ${run(first)}.data.tags`, false);
  },
  async 'a run is renamed in the table'({ goto, row, part, confirm, expect }) {
    await goto(`${ofExperiment}/runs`);
    await row('try-2').getByRole('checkbox').first().click();
    await part('run-rename-button').click();
    await part('rename-modal-input').fill('try-2 again');
    await confirm('Save');
    await expect(`${run(third)}.info.run_name`, 'try-2 again');
  },
  async 'runs are tagged in the table'({ goto, page, row, part, button, confirm, expect }) {
    await goto(`${ofExperiment}/runs`);
    for (const name of ['try-1', 'try-2']) await row(name).getByRole('checkbox').first().click();
    await page.getByText('Add tags').click();
    await part('runs-add-new-tag-button').click();
    await part('add-new-tag-key-input').fill('batch');
    await part('add-new-tag-value-input').fill('7');
    await confirm('Add');
    await button('Save').click();
    await expect(`[${run(second)}.data.tags.get('batch'), ${run(third)}.data.tags.get('batch')]`, ['7', '7']);
  },
  async 'an artifact is downloaded'({ goto, page, control, expect }) {
    const { experiment, runs } = inject('seeded');
    await goto(`/experiments/${experiment}/runs/${runs[0]}/artifacts/table.json`);
    const downloading = page.waitForEvent('download');
    await control('codegen_mlflow_app_src_experiment-tracking_components_artifactview.tsx_337').click();
    const content = await text(await (await downloading).createReadStream());
    await expect(`mlflow.artifacts.load_text('runs:/${runs[0]}/table.json')`, content);
  },
  async 'runs are searched'({ goto, page }) {
    await goto(`/experiments/${inject('seeded').experiment}/runs`);
    const search = page.getByPlaceholder(/metrics\.rmse/);
    await search.fill('params.depth = "4"');
    await search.press('Enter');
    await page.getByText('2 matching runs').waitFor();
    await search.fill('');
    await search.press('Enter');
    await page.getByText('7 matching runs').waitFor();
  },
  async 'a logged model is registered'({ goto, page, button, dialog, confirm, expect }) {
    await goto(`${ofExperiment}/models/${edited.model}`);
    await button('Register model').click();
    await dialog.getByRole('combobox').click();
    await page.getByText('Create New Model').last().click();
    await dialog.getByRole('textbox').last().fill('registered-here');
    await confirm('Register');
    await expect("client.get_model_version('registered-here', '1').source", `models:/${edited.model}`);
  },
  async 'a run is deleted and restored'({ goto, page, row, part, confirm, expect }) {
    await goto(`${ofExperiment}/runs`);
    await row('try-2').getByRole('checkbox').first().click();
    await part('runs-delete-button').click();
    await confirm('Delete selected');
    await expect(`${run(third)}.info.lifecycle_stage`, 'deleted');
    await part('lifecycle-filter').click();
    await page.getByRole('option', { name: 'Deleted' }).click();
    await row('try-2').getByRole('checkbox').first().click();
    await part('runs-restore-button').click();
    await confirm('Restore');
    await expect(`${run(third)}.info.lifecycle_stage`, 'active');
  },
  async 'runs are compared'({ goto, page, row, part, look }) {
    await goto(`/experiments/${inject('seeded').experiment}/runs`);
    for (const name of ['forest-1', 'forest-2']) await row(name).getByRole('checkbox').first().click();
    await part('runs-compare-button').click();
    await page.getByText('Comparing 2 Runs').waitFor();
    await look('compare-runs');
  },
  async 'a run is deleted on its page'({ goto, choose, part, confirm, expect }) {
    await goto(`${ofExperiment}/runs/${second}`);
    await choose(part('overflow-menu-trigger'), 'Delete');
    await confirm('Delete selected');
    await expect(`${run(second)}.info.lifecycle_stage`, 'deleted');
  },
  async 'a logged model is described and deleted'({ goto, page, button, choose, control, confirm, expect }) {
    const model = edited.model;
    await goto(`${ofExperiment}/models/${model}`);
    await control('mlflow.logged_models.details.description.edit').click();
    await page.locator('textarea:visible').fill('Kept');
    await button('Save').click();
    await expect(`client.get_logged_model('${model}').tags['mlflow.note.content']`, 'Kept');
    await choose(control('mlflow.logged_model.details.more_actions'), 'Delete');
    await confirm('Delete');
    await expect(
      `'${model}' in [m.model_id for m in client.search_logged_models(['${edited.experiment}'])]`,
      false,
    );
  },
});
