from __future__ import annotations

from procrastinate.contrib.django import app


@app.periodic(cron="* * * * *")
@app.task(name="jobs.retry_stalled", queueing_lock="jobs.retry_stalled", pass_context=True)
async def retry_stalled(context, timestamp: int) -> None:
    """Put back the jobs whose worker died: its lock would otherwise be held for ever."""
    for job in await context.app.job_manager.get_stalled_jobs():
        await context.app.job_manager.retry_job(job)


@app.periodic(cron="17 3 * * *")
@app.task(name="jobs.forget_old", queueing_lock="jobs.forget_old", pass_context=True)
async def forget_old(context, timestamp: int) -> None:
    """Drop jobs that ended well a week ago."""
    await context.app.job_manager.delete_old_jobs(nb_hours=7 * 24)
